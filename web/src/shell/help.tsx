/** The list of keys. */
import { signal } from "@preact/signals";
import { Dialog } from "../ui/dialog";
import { bound } from "./keys";

export const helpOpen = signal(false);

export function Help() {
  if (!helpOpen.value) return null;
  return (
    <Dialog title="Keys" onClose={() => (helpOpen.value = false)}>
      <dl class="keys">
        {bound.value.map(({ keys, does }) => [
          <dt key={keys}>
            {keys.split(/[ +]/).map((one, place) => (
              <kbd key={place}>{one === "ctrl" ? "Ctrl" : one}</kbd>
            ))}
          </dt>,
          <dd key={`${keys} does`}>{does}</dd>,
        ])}
      </dl>
      <div class="buttons">
        <button type="button" class="button" onClick={() => (helpOpen.value = false)}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

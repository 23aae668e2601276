/** Pages by cursor: the cursor of the page that is shown stands in the address, so going back is the browser's matter. */
import type { ComponentChildren } from "preact";
import { canGoBack, param, setParams } from "../router";
import { Icon } from "./icon";

export function CursorPager({
  next,
  busy,
  children,
}: {
  next: string | undefined;
  busy?: boolean;
  children: ComponentChildren;
}) {
  return (
    <footer class="pager">
      <span class="number">{children}</span>
      {param("cursor") && (
        <>
          <button type="button" class="button" onClick={() => setParams({ cursor: undefined })}>
            First page
          </button>
          {canGoBack() && (
            <button type="button" class="button" onClick={() => history.back()}>
              <Icon name="back" /> Back
            </button>
          )}
        </>
      )}
      <button type="button" class="button" disabled={!next || busy} onClick={() => setParams({ cursor: next })}>
        Next page <Icon name="next" />
      </button>
    </footer>
  );
}

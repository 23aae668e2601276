/** The whole task spec as JSON; what is valid is taken over at once. */
import { useState } from "preact/hooks";
import { specOf } from "./check";
import type { Draft } from "./start";

export function JsonEditor({
  platform,
  draft,
  onChange,
}: {
  platform: string;
  draft: Draft;
  onChange: (draft: Draft) => void;
}) {
  const [typed, setTyped] = useState(() => JSON.stringify(specOf(platform, draft), null, 2));
  const [complaint, setComplaint] = useState("");
  const change = (text: string) => {
    setTyped(text);
    try {
      onChange(draftOf(JSON.parse(text), platform));
      setComplaint("");
    } catch (thrown) {
      setComplaint(thrown instanceof Error ? thrown.message : "not JSON");
    }
  };
  return (
    <div>
      <textarea
        class="input spec"
        aria-label="Task spec as JSON"
        aria-invalid={complaint !== ""}
        spellcheck={false}
        value={typed}
        onInput={(event) => change(event.currentTarget.value)}
      />
      {complaint && (
        <p class="fault" role="status">
          Not taken over yet: {complaint}
        </p>
      )}
    </div>
  );
}

/** The draft in a task spec. */
function draftOf(spec: unknown, platform: string): Draft {
  const { _id, platform_id, settings = {}, options = {}, ...others } = members(spec, "a task spec");
  if (platform_id !== platform) throw new Error(`platform_id has to be ${platform}; choose another platform above`);
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw new Error(`a task spec has no member ${unknown}`);
  return {
    ...(typeof _id === "string" ? { _id } : {}),
    settings: members(settings, "settings"),
    options: members(options, "options"),
  };
}

function members(value: unknown, what: string): Record<string, unknown> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error(`${what} must be an object`);
  return value as Record<string, unknown>;
}

/** The whole task spec as JSON; what is valid is taken over at once. */
import { type Form, useJsonText } from "../../form/context";
import { specOf } from "./check";
import type { Draft } from "./start";

export function JsonEditor({
  platform,
  draft,
  onChange,
  unread,
}: {
  platform: string;
  draft: Draft;
  onChange: (draft: Draft) => void;
  unread: Form["unread"];
}) {
  const take = (spec: unknown) => onChange(draftOf(spec, platform));
  const { typed, complaint, change } = useJsonText("", unread, take);
  return (
    <div data-pointer="">
      <textarea
        class="input spec"
        aria-label="Task spec as JSON"
        aria-invalid={complaint !== undefined}
        spellcheck={false}
        value={typed ?? JSON.stringify(specOf(platform, draft), null, 2)}
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
  if (_id !== undefined && typeof _id !== "string") throw new Error("_id must be a string");
  return {
    ...(_id === undefined ? {} : { _id }),
    settings: members(settings, "settings"),
    options: members(options, "options"),
  };
}

function members(value: unknown, what: string): Record<string, unknown> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error(`${what} must be an object`);
  return value as Record<string, unknown>;
}

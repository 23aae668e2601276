/** A button that does something which takes a while: it does it once, and says so meanwhile. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Icon, type IconName } from "./icon";

/** Which of several acts is under way. While one is, no other begins. */
export type Acts = { busy: string | undefined; begin: (name: string, act: () => Promise<unknown>) => void };

export function useActs(): Acts {
  const [busy, setBusy] = useState<string>();
  const begin = (name: string, act: () => Promise<unknown>) => {
    if (busy !== undefined) return;
    setBusy(name);
    void act().finally(() => setBusy(undefined));
  };
  return { busy, begin };
}

/** It keeps the focus while it is busy, as a disabled one would not. */
export function ActButton(props: {
  acts: Acts;
  name: string;
  icon: IconName;
  kind?: "main" | "danger" | undefined;
  label?: string;
  title?: string;
  act: () => Promise<unknown>;
  children?: ComponentChildren;
}) {
  const { acts, name } = props;
  const isPicture = props.children === undefined;
  return (
    <button
      type="button"
      class="button"
      data-kind={isPicture ? "plain" : props.kind}
      data-icon-only={isPicture ? "" : undefined}
      aria-label={props.label}
      title={props.title}
      aria-disabled={acts.busy !== undefined}
      aria-busy={acts.busy === name}
      onClick={() => acts.begin(name, props.act)}
    >
      <Icon name={acts.busy === name ? "hourglass" : props.icon} /> {props.children}
    </button>
  );
}

/** Single figures side by side, each with what it is and what helps to judge it. */
import type { ComponentChildren } from "preact";

export function Figures({ label, children }: { label?: string; children: ComponentChildren }) {
  return (
    <dl class="figures" aria-label={label}>
      {children}
    </dl>
  );
}

export function Figure({
  title,
  href,
  note,
  children,
}: {
  title: string;
  href?: string;
  note?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <div>
      <dt>{href ? <a href={href}>{title}</a> : title}</dt>
      <dd>{children}</dd>
      {note && <dd class="under">{note}</dd>}
    </div>
  );
}

/** A quiet button that is a picture alone; its label says what it does. */
import { Icon, type IconName } from "./icon";

export function IconButton({
  icon,
  label,
  title,
  pressed,
  onClick,
}: {
  icon: IconName;
  label: string;
  title?: string;
  pressed?: boolean;
  onClick: () => void;
}) {
  return (
    <button
      type="button"
      class="button"
      data-kind="plain"
      data-icon-only
      aria-label={label}
      title={title}
      aria-pressed={pressed}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

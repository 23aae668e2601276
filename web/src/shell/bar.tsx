/** The top bar: search, how the connection stands, and what the reader may switch. */
import { connection } from "../api/connection";
import { paused } from "../api/poll";
import { Icon, type IconName } from "../ui/icon";
import { IconButton } from "../ui/icon-button";
import { helpOpen } from "./help";
import { navOpen } from "./nav";
import { paletteOpen } from "./palette";
import { type Theme, theme, zone } from "./preferences";

export function Bar() {
  return (
    <header class="bar">
      <button
        type="button"
        class="button menu"
        data-kind="plain"
        data-icon-only
        aria-label="Pages"
        onClick={() => (navOpen.value = true)}
      >
        <Icon name="menu" />
      </button>
      <button type="button" class="seek" aria-keyshortcuts="Control+K" onClick={() => (paletteOpen.value = true)}>
        <Icon name="search" />
        <span>Search jobs and pages</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </button>
      <Standing />
      <Pause />
      <button
        type="button"
        class="button"
        data-kind="plain"
        title={zone.value === "utc" ? "Times are UTC; show local times" : "Times are local; show UTC"}
        onClick={() => (zone.value = zone.value === "utc" ? "local" : "utc")}
      >
        {zone.value === "utc" ? "UTC" : "Local"}
      </button>
      <ThemeSwitch />
      <button
        type="button"
        class="button optional"
        data-kind="plain"
        data-icon-only
        aria-label="Keys"
        title="Keys (?)"
        onClick={() => (helpOpen.value = true)}
      >
        <Icon name="help" />
      </button>
    </header>
  );
}

/** Whether what is shown is what is. */
function Standing() {
  const [kind, text, icon] = standing();
  return (
    <div class="standing" data-kind={kind} role="status" title={text}>
      <Icon name={icon} size={13} /> <span>{text}</span>
    </div>
  );
}

function standing(): [string, string, IconName] {
  if (connection.value === "lost") return ["lost", "No connection", "failures"];
  if (connection.value === "impaired") return ["impaired", "Redis unavailable", "failures"];
  return paused.value ? ["paused", "Paused", "pause"] : ["online", "Live", "check"];
}

function Pause() {
  const label = paused.value ? "Go on (p)" : "Pause (p)";
  return (
    <IconButton
      icon={paused.value ? "run" : "pause"}
      label={label}
      title={label}
      pressed={paused.value}
      onClick={() => (paused.value = !paused.value)}
    />
  );
}

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const THEME_ICONS: Record<Theme, IconName> = { system: "display", light: "sun", dark: "moon" };

function ThemeSwitch() {
  const label = `Theme: ${theme.value}; change to ${NEXT[theme.value]}`;
  return (
    <IconButton
      icon={THEME_ICONS[theme.value]}
      label={label}
      title={label}
      onClick={() => (theme.value = NEXT[theme.value])}
    />
  );
}

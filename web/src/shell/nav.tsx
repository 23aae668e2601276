/** The pages at the side; on a small screen behind a button. */
import { signal } from "@preact/signals";
import { system } from "../api/system";
import favicon from "../favicon.svg";
import { PAGES, roofOf } from "../pages";
import { link, parts } from "../router";
import { Icon } from "../ui/icon";

export const navOpen = signal(false);

export function Nav() {
  const here = roofOf(parts.value);
  const close = () => (navOpen.value = false);
  return (
    <>
      {navOpen.value && <div class="nav-scrim" onClick={close} />}
      <nav class="nav" aria-label="Pages" data-open={navOpen.value ? "" : undefined} onClick={close}>
        <a class="brand" href={link("")}>
          <img src={favicon} alt="" width={26} height={26} /> Collector
        </a>
        <ul>
          {PAGES.filter((page) => page.key).map((page) => (
            <li key={page.path} class={page.apart ? "nav-group" : ""}>
              <a href={link(page.path)} aria-current={page === here ? "page" : undefined}>
                <Icon name={page.icon} /> {page.title}
              </a>
            </li>
          ))}
        </ul>
        <div class="foot">
          {system.value && (
            <>
              {system.value.host}
              <br />
              version {system.value.version}
              {system.value.read_only && <div>read-only</div>}
            </>
          )}
        </div>
      </nav>
    </>
  );
}

/** The way to a new task, for whoever may start one. */
import { mayAct } from "../api/system";
import { link } from "../router";
import { Icon } from "./icon";

export function NewTask() {
  if (!mayAct()) return null;
  return (
    <a class="button" data-kind="main" href={link("new")}>
      <Icon name="create" /> New task
    </a>
  );
}

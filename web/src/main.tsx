import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/controls.css";
import "./styles/surface.css";
import "./styles/shown.css";
import "./styles/palette.css";
import { render } from "preact";
import { watchConnection } from "./api/connection";
import { readSystem } from "./api/system";
import { runClock } from "./format/time";
import { watchPlace } from "./router";
import { listenToKeys } from "./shell/keys";
import { Shell } from "./shell/shell";

watchPlace();
watchConnection();
listenToKeys();
runClock();
readSystem();

const root = document.getElementById("app");
if (root) render(<Shell />, root);

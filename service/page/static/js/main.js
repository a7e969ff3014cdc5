// The page: its parts, wired.

import { answerPanel } from "./answer.js";
import { keepAsking } from "./asking.js";
import { bench } from "./bench.js";
import { chooseModels } from "./chooser.js";
import { showComparison } from "./compare.js";
import { byId } from "./dom.js";
import { lookInside } from "./inside.js";
import { watchLive } from "./live.js";
import { showModels } from "./models.js";
import { whenNear } from "./near.js";
import { setUpSheet } from "./sheet.js";
import { watchService } from "./status.js";
import { themeSwitch } from "./theme.js";

themeSwitch(byId("theme"), () => document.dispatchEvent(new Event("themechange")));
watchService(byId("notice"));
setUpSheet((text) => byId("said").replaceChildren(text));
keepAsking(answerPanel());
chooseModels();

whenNear(["sees", "nearest", "layers", "dreams", "by-hand"], lookInside);
whenNear(["models"], () => {
  showModels();
  showComparison();
});
whenNear(["live"], watchLive);

// For whoever drives the page, such as its tests: the state in which everything has been wired.
document.documentElement.dataset.ready = bench.picture === null ? "empty" : "full";

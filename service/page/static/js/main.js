// The page: its parts, wired. What is further down begins to ask when it comes near.

import { answerPanel } from "./answer.js";
import { keepAsking } from "./asking.js";
import { bench } from "./bench.js";
import { chooseModels } from "./chooser.js";
import { byId } from "./dom.js";
import { lookInside } from "./inside.js";
import { watchLive } from "./live.js";
import { showModels } from "./models.js";
import { setUpSheet } from "./sheet.js";
import { watchService } from "./status.js";
import { themeSwitch } from "./theme.js";

const AHEAD = "400px";

themeSwitch(byId("theme"), () => document.dispatchEvent(new Event("themechange")));
watchService(byId("notice"));
setUpSheet((text) => byId("said").replaceChildren(text));
keepAsking(answerPanel());
chooseModels();

whenNear("sees", lookInside);
whenNear("models", showModels);
whenNear("live", watchLive);

/** Call `begin` once, when the section comes near the part of the page that is seen. */
function whenNear(id, begin) {
  const watcher = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      watcher.disconnect();
      begin();
    },
    { rootMargin: AHEAD },
  );
  watcher.observe(byId(id));
}

// For whoever drives the page, such as its tests: the state in which everything has been wired.
document.documentElement.dataset.ready = bench.picture === null ? "empty" : "full";

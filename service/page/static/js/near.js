// What is further down begins to ask when it comes near the part of the page that is seen.

import { byId } from "./dom.js";

const AHEAD = "400px";

/** Call `begin` once, when one of the sections with these ids comes near. */
export function whenNear(ids, begin) {
  const watcher = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      watcher.disconnect();
      begin();
    },
    { rootMargin: AHEAD },
  );
  for (const id of ids) watcher.observe(byId(id));
}

/**
 * `look` for a section that is costly to keep up to date: the function that this returns calls it at once while the
 * section is near, else when it comes near, and then only with what was given last.
 */
export function whileNear(id, look) {
  let isNear = false;
  let missed = null;
  new IntersectionObserver(
    (entries) => {
      isNear = entries.at(-1).isIntersecting;
      if (isNear && missed !== null) {
        const given = missed;
        missed = null;
        look(...given);
      }
    },
    { rootMargin: AHEAD },
  ).observe(byId(id));
  return (...given) => {
    if (isNear) look(...given);
    else missed = given;
  };
}

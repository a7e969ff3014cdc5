// Says in plain words when the service is away or overloaded, looks whether it is back, and has everything asked again.

import { ask, line } from "./api.js";
import { make } from "./dom.js";
import { hasKey, setKey } from "./key.js";
import { inWords } from "./words.js";

const FIRST_WAIT_SECONDS = 1;
const LONGEST_WAIT_SECONDS = 8;

/** Hears "recovered" when it is worth asking again. */
export const service = new EventTarget();

/** Say it in `place`, a live region. */
export function watchService(place) {
  let waitSeconds = FIRST_WAIT_SECONDS;
  let isTroubled = false;

  const say = (...content) => place.replaceChildren(...content);
  const trouble = (refusal) => {
    say(notice(refusal));
    setTimeout(probe, 1000 * Math.max(waitSeconds, refusal.retryAfterSeconds ?? 0));
    waitSeconds = Math.min(2 * waitSeconds, LONGEST_WAIT_SECONDS);
  };
  const probe = async () => {
    try {
      await ask("readyz", { quiet: true });
    } catch (refusal) {
      trouble(refusal);
      return;
    }
    isTroubled = false;
    say();
    service.dispatchEvent(new Event("recovered")); // what is asked again now says by itself if it is refused again
  };

  line.addEventListener("answered", () => {
    // While there is trouble, that may be the answer to something asked long before it.
    if (!isTroubled) waitSeconds = FIRST_WAIT_SECONDS;
    if (place.querySelector("form")) say();
  });
  line.addEventListener("refused", ({ detail }) => {
    if (detail.status === 401 && !isTroubled) say(keyForm());
    else if (detail.passes && !isTroubled) {
      isTroubled = true;
      trouble(detail);
    }
  });
}

function notice(refusal) {
  return make("p", { class: "notice" }, make("span", { class: "glyph", "aria-hidden": "true" }, "⚠"), inWords(refusal));
}

function keyForm() {
  const field = make("input", { id: "api-key", type: "password", autocomplete: "off", required: true });
  return make(
    "form",
    {
      class: "notice",
      onsubmit: (event) => {
        event.preventDefault();
        setKey(field.value);
        service.dispatchEvent(new Event("recovered"));
      },
    },
    make("label", { for: "api-key" }, hasKey() ? "That API key is not known here:" : "The service wants an API key:"),
    field,
    make("button", { class: "button" }, "Use it"),
  );
}

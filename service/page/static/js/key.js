// The API key, where the service wants one: kept for this tab alone.

const NAME = "digits-api-key";
let held = recalled();

export const hasKey = () => held !== "";
export const key = () => held;

/** Use `text` from now on; empty for none. */
export function setKey(text) {
  held = text.trim();
  try {
    sessionStorage.setItem(NAME, held);
  } catch {
    // Until the page is left, then.
  }
}

function recalled() {
  try {
    return sessionStorage.getItem(NAME) ?? "";
  } catch {
    return "";
  }
}

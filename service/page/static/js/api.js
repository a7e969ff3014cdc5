// Asking the service: one function, and what can go wrong as one class with words for people.

import { hasKey, key } from "./key.js";

/** What the service, or the way to it, refused. `status` is 0 where there was no answer at all. */
export class Refusal extends Error {
  constructor(status, type, message, retryAfterSeconds) {
    super(message);
    this.status = status;
    this.type = type;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether asking again later may help. */
  get passes() {
    return [0, 429, 502, 503, 504].includes(this.status);
  }
}

/** Hears "answered" and "refused" (`detail`: the Refusal) for every question. */
export const line = new EventTarget();

/**
 * Ask; the Response if the service said yes. Paths are relative to the page.
 * @throws {Refusal} it said no, or nothing. @throws {DOMException} AbortError, where `signal` said stop.
 */
export async function ask(path, { method = "GET", body, type, accept = "application/json", signal, quiet = false } = {}) {
  const headers = { Accept: accept, ...(type ? { "Content-Type": type } : {}), ...(hasKey() ? { "X-API-Key": key() } : {}) };
  let response;
  try {
    response = await fetch(path, { method, body, headers, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw heard(new Refusal(0, "unreachable", "The service does not answer."), quiet);
  }
  if (!response.ok) throw heard(await refusal(response), quiet);
  if (!quiet) line.dispatchEvent(new Event("answered"));
  return response;
}

/** The same, for JSON. */
export async function askJson(path, options = {}) {
  return (await ask(path, options)).json();
}

/** What a picture is sent with. */
export const withPicture = (picture, signal, more = {}) => ({ method: "POST", body: picture, type: picture.type || "application/octet-stream", signal, ...more });

async function refusal(response) {
  let type = "unknown";
  let message = `The service answered ${response.status}.`;
  try {
    const { error } = await response.json();
    type = error.type ?? type;
    message = error.message ?? error;
  } catch {
    // A proxy's page, or nothing: the status has to do.
  }
  const retryAfterSeconds = Number.parseFloat(response.headers.get("Retry-After") ?? "");
  return new Refusal(response.status, type, message, Number.isFinite(retryAfterSeconds) ? retryAfterSeconds : undefined);
}

function heard(refusal_, quiet) {
  if (!quiet) line.dispatchEvent(new CustomEvent("refused", { detail: refusal_ }));
  return refusal_;
}

// What lies on the bench now: the picture, and who reads it. Every part of the page looks here.
//
//   "picture"   another picture, or none          "choice"   another model answers
//   "models"    what is served has changed            "wish"     somebody wants to see what excites this channel

class Bench extends EventTarget {
  /** The picture as it is sent: a Blob, or null. */
  picture = null;
  /** `{ model, version }` of who answers and of who is shown beside, or null. */
  chosen = null;
  beside = null;
  /** As `/models` lists them. */
  models = [];

  place(picture) {
    this.picture = picture;
    this.#tell("picture");
  }

  choose(chosen, beside) {
    this.chosen = chosen;
    this.beside = beside;
    this.#tell("choice");
  }

  list(models) {
    this.models = models;
    this.#tell("models");
  }

  /** `{ layer, channel }`: what would excite it most? */
  wish(detail) {
    this.dispatchEvent(new CustomEvent("wish", { detail }));
  }

  /** Have `look` called now and after each of these events. */
  watch(events, look) {
    for (const event of events) this.addEventListener(event, look);
    look();
  }

  #tell(event) {
    this.dispatchEvent(new Event(event));
  }
}

export const bench = new Bench();

/** Where a version's routes begin. */
export const below = ({ model, version }) => `models/${encodeURIComponent(model)}/versions/${version}`;

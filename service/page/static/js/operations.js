// The operations of an OpenAPI document in groups, the same one at several addresses named once.

const GROUPS = [
  ["Reading", "Send a picture, get the digit.", /^\/(predict|read)$|\/preprocess$/],
  ["Looking inside", "What a model is made of, what each layer makes of a picture, and why the answer is what it is.", /\/(layers|filters|activations|explain|maximize|dream|nearest|report)$|^\/compare/],
  ["Tools", "What layers do, by hand.", /^\/(convolve|pool|describe)/],
  ["Models", "What is served, and how well it does.", /^\/models/],
  ["TensorFlow Serving", "The REST API of TensorFlow Serving, for clients that exist already.", /^\/v1/],
  ["Open Inference Protocol", "The protocol that Triton and KServe speak.", /^\/v2/],
  ["Watching", "Is it well, and how does it fare?", /^\/(healthz|readyz|metrics|openapi\.json)/],
  ["The page", "What you look at.", /./],
];
const VARIANT = /\/(versions\/\{version\}|labels\/\{label\})/;

/** `[{ title, said, operations: [{ id, method, path, also, operation }] }]`, groups without any left out. */
export function groups({ paths }) {
  const found = GROUPS.map(([title, said]) => ({ title, said, operations: [] }));
  const known = new Map();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const plainPath = path.replace(VARIANT, "");
      const key = `${method} ${plainPath}`;
      // A version's own address is another operation where the plain one is about the model.
      if (plainPath !== path && known.has(key) && known.get(key).operation.summary === operation.summary) known.get(key).also.push(path);
      else {
        const one = { id: `${method}-${path.replace(/[^\w.:]+/g, "-").replace(/^-|-$/g, "") || "start"}`, method: method.toUpperCase(), path, also: [], operation };
        known.set(key, known.get(key) ?? one);
        found[GROUPS.findIndex(([, , pattern]) => pattern.test(path))].operations.push(one);
      }
    }
  }
  return found.filter(({ operations }) => operations.length > 0);
}

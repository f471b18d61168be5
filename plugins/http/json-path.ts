/** A place in a JSON value: `status`, `components.db.status`, `checks[0].state`. */
const PATH = /^(?:[^.[\]]+|\[\d+\])(?:\.[^.[\]]+|\[\d+\])*$/;

/** The names and indexes of a path; `undefined` if the path is not valid. */
export function stepsOf(path: string): (string | number)[] | undefined {
  if (!PATH.test(path)) return undefined;
  const steps = path.matchAll(/\[(\d+)\]|[^.[\]]+/g);
  return [...steps].map(([name, index]) => (index === undefined ? name : Number(index)));
}

/** The value at a path; `undefined`, which JSON does not have, if there is none. */
export function valueAt(root: unknown, path: string): unknown {
  let value = root;
  for (const step of stepsOf(path) ?? []) {
    const holds = typeof step === "number" ? Array.isArray(value) : isObject(value);
    // Only the object's own keys: every object inherits a "constructor".
    if (!holds || !Object.hasOwn(value as object, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

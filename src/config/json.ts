/**
 * Finds the first fault of a JSON text, with line and column. `JSON.parse` gives no position for some faults, quotes
 * the surrounding text (which may contain a secret), and silently takes the last of two equal keys: a service that is
 * named twice would vanish.
 */
export interface TextFault {
  line: number;
  column: number;
  problem: string;
}

const SPACE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids just these in a text.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const DEPTH_LIMIT = 64;

/** Where reading stopped, and why. */
interface Stop {
  at: number;
  problem: string;
}

export function findJsonFault(text: string): TextFault | undefined {
  const stop = scan(text);
  if (!stop) return undefined;
  const before = text.slice(0, stop.at).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1, problem: stop.problem };
}

function scan(text: string): Stop | undefined {
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text)?.[0];
    at += match?.length ?? 0;
    return match;
  };
  const wanted = (what: string): Stop => ({
    at,
    problem: `${at >= text.length ? "the end of the file" : "something else"} where ${what} should be`,
  });

  function value(depth: number): Stop | undefined {
    if (depth > DEPTH_LIMIT) return { at, problem: `more than ${DEPTH_LIMIT} levels of nesting` };
    take(SPACE);
    if (text[at] === "{") return group("}", depth, entries());
    if (text[at] === "[") return group("]", depth, () => undefined);
    if (text[at] === '"')
      return take(STRING) === undefined ? wanted("a text that ends on its line") : undefined;
    return take(SCALAR) === undefined ? wanted("a value") : undefined;
  }
  /** Reads the content between two brackets; `lead` reads what precedes each value. */
  function group(close: "}" | "]", depth: number, lead: () => Stop | undefined): Stop | undefined {
    at++;
    take(SPACE);
    if (text[at] !== close) {
      for (;;) {
        const stop = lead() ?? value(depth + 1);
        if (stop) return stop;
        take(SPACE);
        if (text[at] === close) break;
        if (text[at] !== ",") return wanted(`"," or "${close}"`);
        at++;
      }
    }
    at++;
    return undefined;
  }
  function entries(): () => Stop | undefined {
    const seen = new Set<string>();
    return () => {
      take(SPACE);
      const start = at;
      const found = take(STRING);
      if (found === undefined) return wanted("a key in double quotes");
      const key = JSON.parse(found) as string;
      if (seen.has(key)) return { at: start, problem: "a key that its object has already" };
      seen.add(key);
      take(SPACE);
      if (text[at] !== ":") return wanted('":"');
      at++;
      return undefined;
    };
  }

  const stop = value(0);
  if (stop) return stop;
  take(SPACE);
  return at < text.length ? wanted("the end of the file") : undefined;
}

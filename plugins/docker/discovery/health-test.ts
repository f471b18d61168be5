/** Reads the command of a HEALTHCHECK: whether it only asks a URL of its own container, as curl and wget do. Pure. */

export type HealthTest =
  /** It is switched off. */
  | { kind: "none" }
  /** `path` has the query, too. `anyStatus`: every answer passes, as with curl without `-f`. */
  | { kind: "http"; tool: string; port: number; path: string; anyStatus: boolean }
  /** A program of its own, or something that could not be asked from outside in the same way. */
  | { kind: "other" };

const OTHER: HealthTest = { kind: "other" };
const LONGEST = 4096;

/** `test` as Docker and Compose write it: `["CMD", …]`, `["CMD-SHELL", "…"]`, `["NONE"]`. `own`: names of the container. */
export function readHealthTest(test: readonly string[], own: readonly string[] = []): HealthTest {
  const [kind, ...rest] = test;
  if (kind === undefined || kind === "NONE") return { kind: "none" };
  if (rest.join(" ").length > LONGEST) return OTHER;
  if (kind === "CMD") {
    const isShell = /(^|\/)(ba|da|a)?sh$/.test(rest[0] ?? "") && /^-\w*c$/.test(rest[1] ?? "");
    return isShell && rest.length === 3 ? readShell(rest[2]!, own) : readWords(rest, own);
  }
  return kind === "CMD-SHELL" && rest.length === 1 ? readShell(rest[0]!, own) : OTHER;
}

/** What comes to nothing, or to the exit status that the tool has anyway. */
const SILENCED = /\s*(?:[12&]?>>?\s*(?:\/dev\/null|&[12]))/g;
const ENDING = /\s*(?:\|\|\s*\(?\s*(?:exit(?:\s+[1-9]\d{0,2})?|false|return 1)\s*\)?|&&\s*exit\s+0)\s*;?\s*$/;
const PIECE = /'([^']*)'|"([^"$`\\]*)"|([^\s'"|&;<>()$`\\]+)|(\s+)|[\s\S]/g;

function readShell(text: string, own: readonly string[]): HealthTest {
  let line = text.replace(SILENCED, "").trim();
  while (ENDING.test(line)) line = line.replace(ENDING, "");
  const words: string[] = [];
  let word: string | undefined;
  for (const [, single, double, plain, space] of line.matchAll(PIECE)) {
    const piece = single ?? double ?? plain;
    if (piece !== undefined) word = (word ?? "") + piece;
    else if (space === undefined) return OTHER;
    else {
      if (word !== undefined) words.push(word);
      word = undefined;
    }
  }
  return readWords([...words, ...(word === undefined ? [] : [word])], own);
}

interface Tool {
  /** Options that do not change what is asked or what counts as an answer; those in `valued` have a value. */
  plain: ReadonlySet<string>;
  valued: ReadonlySet<string>;
  /** An option that is one of these makes a status of 400 and above fail; absent: it fails anyway. */
  failing?: readonly string[];
}

const CURL: Tool = {
  plain: new Set([
    ...["f", "s", "S", "L", "i", "I", "4", "6", "g", "N", "v", "#"],
    ...["fail", "fail-with-body", "silent", "show-error", "location", "include", "head", "ipv4", "ipv6"],
    ...["globoff", "no-buffer", "no-progress-meter", "verbose", "compressed"],
  ]),
  valued: new Set([
    ...["m", "o", "w", "A"],
    ...["max-time", "connect-timeout", "output", "write-out", "user-agent", "retry", "retry-delay"],
    ...["retry-max-time", "url"],
  ]),
  failing: ["f", "fail", "fail-with-body"],
};

const WGET: Tool = {
  plain: new Set([
    ...["q", "S", "nv", "4", "6", "d", "v"],
    ...[
      "quiet",
      "spider",
      "server-response",
      "no-verbose",
      "verbose",
      "inet4-only",
      "inet6-only",
      "no-cache",
    ],
  ]),
  valued: new Set(["O", "t", "T", "U", "Y", "output-document", "tries", "timeout", "user-agent", "proxy"]),
};

const TOOLS: ReadonlyMap<string, Tool> = new Map([
  ["curl", CURL],
  ["wget", WGET],
]);

function readWords(words: readonly string[], own: readonly string[]): HealthTest {
  const [program = "", ...rest] = words[0] === "exec" ? words.slice(1) : words;
  const name = program.slice(program.lastIndexOf("/") + 1);
  const tool = TOOLS.get(name);
  const read = tool && readOptions(rest, tool);
  if (read?.urls.length !== 1) return OTHER;
  const place = placeOf(read.urls[0]!, own);
  const anyStatus = tool?.failing !== undefined && !tool.failing.some((one) => read.options.has(one));
  return place ? { kind: "http", tool: name, ...place, anyStatus } : OTHER;
}

/** `undefined` if there is an option that means something else than a plain GET. */
function readOptions(words: readonly string[], { plain, valued }: Tool) {
  const urls: string[] = [];
  const options = new Set<string>();
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith("-") || word === "-") {
      urls.push(word);
      continue;
    }
    const [, long, value] = /^--([^=]+)(?:=([\s\S]*))?$/.exec(word) ?? [];
    if (long !== undefined) {
      if (valued.has(long)) {
        const given = value ?? words[++at] ?? "";
        if (long === "url") urls.push(given);
      } else if (!plain.has(long) || value !== undefined) return undefined;
      options.add(long);
      continue;
    }
    if (plain.has(word.slice(1))) {
      options.add(word.slice(1));
      continue;
    }
    for (let letter = 1; letter < word.length; letter++) {
      const one = word[letter]!;
      options.add(one);
      if (valued.has(one)) {
        if (letter === word.length - 1) at++;
        break;
      }
      if (!plain.has(one)) return undefined;
    }
  }
  return { urls, options };
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\])$/;

/** Over TLS, the certificate would have to be another one than on loopback: that is not taken. */
function placeOf(text: string, own: readonly string[]): { port: number; path: string } | undefined {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!/^[\x21-\x7e]+$/.test(whole) || /[{}[\]\\"<>^`|$]/.test(whole.replace(/\/\/\[::1?\]/, "//")))
    return undefined;
  if (!URL.canParse(whole)) return undefined;
  const { protocol, hostname, port, pathname, search, username, password } = new URL(whole);
  if (protocol !== "http:" || username !== "" || password !== "") return undefined;
  if (!LOOPBACK.test(hostname) && !own.includes(hostname)) return undefined;
  return { port: port === "" ? 80 : Number(port), path: `${pathname}${search}` };
}

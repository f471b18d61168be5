/** Hides secrets in text that people or programs will read: in the log, the state, answers, alerts and incidents. */
import { hideShapes, REDACTED } from "./patterns.ts";

/** Hides secrets in a text. Hiding twice changes nothing more. */
export type Redact = (text: string) => string;

/** A secret of this length is hidden, whatever it is. */
const SECRET_LENGTH = 8;
/** A shorter one is hidden if it is no ordinary word or number. Others stand in many lines that give nothing away. */
const SHORTEST = 6;
/** A gate compares beginnings and ends of this length. */
const EDGE = 6;

/** Hides `secrets`, and whatever has the shape of a secret. */
export function createRedactor(secrets: Iterable<string> = []): Redact {
  const hide = hiding(secrets);
  return (text) => hideShapes(hide(text));
}

/** Learns secrets with each configuration. It keeps those of earlier ones, which old texts may still hold. */
export function createLearningRedactor(): { redact: Redact; learn(secrets: Iterable<string>): void } {
  const known = new Set<string>();
  let redact = createRedactor();
  return {
    redact: (text) => redact(text),
    learn(secrets) {
      for (const secret of secrets) known.add(secret);
      redact = createRedactor(known);
    },
  };
}

/**
 * Hides these secrets wherever they stand in a text: as they are, as JSON, URLs and base64 write them, and one of
 * which a cut at the end or the beginning of the text has left half or more.
 */
export function hiding(secrets: Iterable<string>, label = REDACTED): Redact {
  const known = new Set(secrets);
  let forms: Form[];
  /** Passes the texts that hold an edge of a form: the only ones that need a closer look. */
  let gate: RegExp | undefined;
  function prepare(): RegExp {
    forms = [...known].filter(isHidden).flatMap(formsOf);
    const edges = new Set(forms.flatMap(({ text }) => [text.slice(0, EDGE), text.slice(-EDGE)]));
    // Without an edge, nothing is hidden: this matches no text.
    return edges.size === 0 ? /(?!)/ : new RegExp([...edges].map(escaped).join("|"));
  }
  return (text) => {
    gate ??= prepare();
    return gate.test(text) ? withoutRanges(text, rangesOf(text, forms), label) : text;
  };
}

function isHidden(secret: string): boolean {
  if (secret.length >= SECRET_LENGTH) return true;
  return secret.length >= SHORTEST && /[a-z]/i.test(secret) && /[^a-z]/i.test(secret);
}

interface Form {
  text: string;
  /** It may stand in the middle of a longer base64, whose other letters depend on the secret too. */
  isBase64: boolean;
}

type Range = [from: number, to: number];

/** Where secrets stand, those included that overlap: hiding one after another would leave a part of the second. */
function rangesOf(text: string, forms: readonly Form[]): Range[] {
  const begin = /^\s*…?\s*/.exec(text)![0].length;
  const end = text.replace(/\s*…?["')\]}]*\s*$/, "").length;
  return forms.flatMap((form) => {
    const found = [...placesOf(text, form.text), ...leftByCuts(text, form.text, begin, end)];
    return form.isBase64 ? found.map((range) => widened(text, range)) : found;
  });
}

function placesOf(text: string, form: string): Range[] {
  const found: Range[] = [];
  for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1)) {
    found.push([at, at + form.length]);
  }
  return found;
}

/** Half a secret or more at the end of a text, or at its beginning, where the rest of it was cut off. */
function leftByCuts(text: string, form: string, begin: number, end: number): Range[] {
  const least = Math.max(EDGE, Math.ceil(form.length / 2));
  const lengths = Array.from(
    { length: Math.max(0, form.length - least) },
    (_, index) => form.length - 1 - index,
  );
  const last = lengths.find(
    (length) => length <= end && text.startsWith(form.slice(0, length), end - length),
  );
  const first = lengths.find((length) => text.startsWith(form.slice(-length), begin));
  return [
    ...(last === undefined ? [] : [[end - last, end] satisfies Range]),
    ...(first === undefined ? [] : [[begin, begin + first] satisfies Range]),
  ];
}

const BASE64_LETTER = /[\w+/=-]/;

function widened(text: string, [from, to]: Range): Range {
  let [first, last] = [from, to];
  while (first > 0 && BASE64_LETTER.test(text[first - 1]!)) first--;
  while (last < text.length && BASE64_LETTER.test(text[last]!)) last++;
  return [first, last];
}

function withoutRanges(text: string, ranges: Range[], label: string): string {
  let shown = "";
  let done = 0;
  for (const [from, to] of ranges.sort((a, b) => a[0] - b[0])) {
    if (from > done || (from === 0 && done === 0)) shown += text.slice(done, from) + label;
    done = Math.max(done, to);
  }
  return shown + text.slice(done);
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

/** A secret as it is, and as it is written inside other texts. */
function formsOf(secret: string): Form[] {
  const json = inJson(secret);
  const ascii = json.replace(/[\u0080-\uffff]/g, unicodeEscape);
  const capitals = ascii.replace(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`);
  const plain = [secret, json, inJson(json), ascii, capitals, ...urlForms(secret)];
  const inBase64 = base64Forms(secret);
  return [
    ...distinct(plain).map((text) => ({ text, isBase64: false })),
    ...distinct(inBase64).map((text) => ({ text, isBase64: true })),
  ];
}

/** PHP and others write a slash as `\/` in JSON. */
const distinct = (forms: readonly string[]) => [
  ...new Set([...forms, ...forms.map((form) => form.replaceAll("/", "\\/"))]),
];
const inJson = (text: string) => JSON.stringify(text).slice(1, -1);
const hex = (letter: string) => letter.charCodeAt(0).toString(16);
const unicodeEscape = (letter: string) => `\\u${hex(letter).padStart(4, "0")}`;

function urlForms(secret: string): string[] {
  // A half of a surrogate pair has no such form.
  const text = secret.replace(/\p{Surrogate}/gu, "\uFFFD");
  const strict = encodeURIComponent(text).replace(/[!'()*]/g, (letter) => `%${hex(letter).toUpperCase()}`);
  const ofForm = new URLSearchParams([["", text]]).toString().slice(1);
  const all = [encodeURIComponent(text), encodeURI(text), strict, ofForm];
  return all.flatMap((form) => [form, form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]);
}

/**
 * base64 as a whole, and in the middle of a longer text, as `user:password` in a header: it then depends on how many
 * bytes stand before it, and its first and last letters on its neighbours.
 */
function base64Forms(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  const whole = base64(bytes);
  const inner = [0, 1, 2].map((before) => {
    const padded = new Uint8Array(before + bytes.length);
    padded.set(bytes, before);
    const ends = padded.length % 3 === 0 ? undefined : -1;
    return base64(padded)
      .replace(/=+$/, "")
      .slice(before === 0 ? 0 : before + 1, ends);
  });
  const all = [whole, ...inner].filter((form) => form.length >= SECRET_LENGTH);
  return all.flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")]);
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** What an examination finds, and how it is shown. */

/** `warn`: as somebody wants it, maybe; it does not count as wrong. */
export interface Found {
  level: "ok" | "warn" | "wrong";
  text: string;
  /** What to do about it, unless the text says so. */
  todo?: string;
}

/** With what was examined. */
export interface Examined extends Found {
  about: string;
}

const COLUMNS = 80;
const LONGEST_TEXT = 2000;

/** For a terminal of 80 columns: a word, what was examined, what was found, and below it what to do. */
export function render(all: readonly Examined[]): string {
  const width = Math.max(...all.map(({ about }) => about.length));
  const indent = " ".repeat("wrong  ".length + width + 2);
  const lines = all.flatMap(({ level, about, text, todo }) => {
    const parts = [...wrap(text, COLUMNS - indent.length)];
    if (todo !== undefined) {
      const [first, ...rest] = wrap(todo, COLUMNS - indent.length - 3);
      parts.push(`-> ${first}`, ...rest.map((one) => `   ${one}`));
    }
    const [first = "", ...rest] = parts;
    return [`${level.padEnd(5)}  ${about.padEnd(width)}  ${first}`, ...rest.map((one) => indent + one)];
  });
  return `${lines.join("\n")}\n`;
}

/** A word that is longer than a line is cut into several. */
function wrap(text: string, columns: number): string[] {
  const lines = [""];
  for (const word of plain(text).split(" ")) {
    const letters = [...word];
    for (let at = 0; at < letters.length || at === 0; at += columns) {
      const part = letters.slice(at, at + columns).join("");
      const longer = lines.at(-1) === "" ? part : `${lines.at(-1)} ${part}`;
      if ([...longer].length <= columns) lines[lines.length - 1] = longer;
      else lines.push(part);
    }
  }
  return lines;
}

/** What could change what a terminal shows of it is replaced. */
function plain(text: string): string {
  return text
    .slice(0, LONGEST_TEXT)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]+/gu, " ")
    .trim();
}

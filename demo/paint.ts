/** Colour where a terminal takes it (no-color.org), and lines that fit. */

export type Colour = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "cyan";

const CODES: Record<Colour, number> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  cyan: 36,
};

const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
const coloured = FORCE_COLOR
  ? FORCE_COLOR !== "0"
  : !NO_COLOR && TERM !== "dumb" && process.stdout.isTTY === true;

export function paint(colour: Colour, text: string): string {
  return coloured ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
}

export const columns = () => Math.min(Math.max(process.stdout.columns ?? 100, 60), 110);

/** Lines of at most `width` characters, broken between words, not between a number and its unit. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/(?<!\d) | (?!(?:ms|s|min|h|d)\b)/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Text under a head: the first line after it, the others beneath the first. `size` is the head's width. */
export function hang(head: string, size: number, text: string): string {
  return head + wrap(text, columns() - size).join(`\n${" ".repeat(size)}`);
}

export const faultLine = (fault: string) => hang(`  ${paint("red", "✖")} `, 4, fault);

export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

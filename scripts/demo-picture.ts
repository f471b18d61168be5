/**
 * Draws `docs/demo.svg` from what the demo prints on a terminal of 80 columns: its services, its first incident and
 * its summary. Usage:
 * `script -qec "stty cols 80; npm run -s demo -- --fast" /dev/null | tsx scripts/demo-picture.ts > docs/demo.svg`
 */
import { readFileSync } from "node:fs";

const COLUMNS = 80;
const FONT_PX = 13;
const CHARACTER_PX = 7.83;
const LINE_PX = 18;
const MARGIN_PX = 14;
/** GitHub's own colours on dark ground; each has a contrast of 4.5 or more. */
const GROUND = "#0d1117";
const TEXT = "#e6edf3";
const COLOURS: Record<string, string> = {
  "2": "#8b949e",
  "31": "#ff7b72",
  "32": "#56d364",
  "33": "#e3b341",
  "34": "#79c0ff",
  "36": "#39c5cf",
};

const lines = readFileSync(0, "utf8").split(/\r?\n/);
const part = (from: RegExp, to: RegExp) => {
  const start = lines.findIndex((line) => from.test(line));
  const end = lines.findIndex((line, at) => at >= start && to.test(line));
  if (start < 0 || end < 0) throw new Error(`the demo printed nothing from ${from} to ${to}`);
  return lines.slice(start, end + 1);
};
const shown = [
  "\u001b[2m  $ npm run demo\u001b[0m",
  "",
  ...part(/●/, /✔ found/),
  "",
  "\u001b[2m  …\u001b[0m",
  "",
  ...part(/broken +how/, /alerts received/),
];

/** One `tspan` for each run of characters in one style. */
function drawn(line: string): string {
  let styles: string[] = [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours.
  const parts = line.split(/\u001b\[(\d+)m/);
  return parts
    .map((text, at) => {
      if (at % 2 === 1) {
        styles = text === "0" ? [] : [...styles, text];
        return "";
      }
      const colour = styles.map((style) => COLOURS[style]).find((one) => one !== undefined);
      const weight = styles.includes("1") ? ' font-weight="bold"' : "";
      const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
      if (!colour && !weight) return escaped;
      return `<tspan${colour ? ` fill="${colour}"` : ""}${weight}>${escaped}</tspan>`;
    })
    .join("");
}

const width = Math.ceil(COLUMNS * CHARACTER_PX + 2 * MARGIN_PX);
const height = shown.length * LINE_PX + 2 * MARGIN_PX;
const font = `font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="${FONT_PX}"`;
const rows = shown.map((line, at) => {
  const y = MARGIN_PX + (at + 0.75) * LINE_PX;
  return line === "" ? "" : `<text x="${MARGIN_PX}" y="${y}" xml:space="preserve">${drawn(line)}</text>\n`;
});
process.stdout.write(
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>The demo: the watchdog finds a broken service, restarts it, and verifies that it recovered</title>
<rect width="100%" height="100%" rx="8" fill="${GROUND}"/>
<g fill="${TEXT}" ${font}>
${rows.join("")}</g>
</svg>
`,
);

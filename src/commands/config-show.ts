/** Prints the configuration that would run, as YAML with the origins as comments, or as JSON. */
import type { Node } from "yaml";
import { type Described, describe } from "../config/describe.ts";
import { isRecord } from "../core/record.ts";
import { configured } from "./bootstrap.ts";
import { EXIT } from "./command.ts";

export async function configShowCommand(options: { json: boolean; origins: boolean }): Promise<number> {
  const { value, origins } = describe(await configured());
  if (options.json) {
    const shown = options.origins ? { config: value, origins } : value;
    process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
  } else process.stdout.write(await toYaml(value, options.origins ? origins : undefined));
  return EXIT.ok;
}

/** Begins an origin. YAML escapes this character in values, so none of them contains it. */
const MARK = "\0";
/** Origins begin in the column behind the longest line that ends before this one. */
const LAST_COLUMN = 48;

async function toYaml(value: Described["value"], origins: Described["origins"] | undefined): Promise<string> {
  const { Document, isMap, isSeq } = await import("yaml");

  function annotate(node: Node | null, origin: unknown): void {
    if (isMap<{ value: unknown }, Node>(node) && node.items.length > 0) {
      for (const { key, value: one } of node.items) {
        annotate(one, isRecord(origin) ? origin[String(key.value)] : origin);
      }
    } else if (isSeq<Node>(node) && node.items.some(isMap)) {
      for (const [index, one] of node.items.entries()) {
        annotate(one, Array.isArray(origin) ? origin[index] : origin);
      }
    } else if (node) {
      if (isSeq(node) || isMap(node)) node.flow = true;
      if (typeof origin === "string") node.comment = `${MARK}${origin.replace(/\p{Cc}/gu, "?")}`;
    }
  }

  const document = new Document(value, { aliasDuplicateObjects: false });
  annotate(document.contents, origins);
  return aligned(document.toString({ lineWidth: 0, flowCollectionPadding: false }));
}

function aligned(text: string): string {
  const lines = text.split("\n").map((line) => line.split(` #${MARK}`));
  const widths = lines.filter(([, origin]) => origin !== undefined).map(([setting]) => setting!.length);
  const column = Math.max(0, ...widths.filter((width) => width <= LAST_COLUMN));
  return lines
    .map(([setting, origin]) => (origin === undefined ? setting : `${setting!.padEnd(column)}  # ${origin}`))
    .join("\n");
}

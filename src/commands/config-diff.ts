/** Compares the configuration that a watchdog runs with what the environment and the file say now. */
import { describe } from "../config/describe.ts";
import { joinPath, quote } from "../config/fault.ts";
import { isRecord, own } from "../core/record.ts";
import { HIDDEN } from "../redaction/settings.ts";
import { askConfigured } from "./client.ts";
import { EXIT } from "./command.ts";

export async function configDiffCommand(): Promise<number> {
  const answer = await askConfigured("/config");
  if (!answer.ok) return answer.exit;
  // As JSON, like the answer.
  const text = JSON.stringify(describe(answer.config).value);
  const lines = differences(answer.value, JSON.parse(text), []);
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
  if (`${text}${answer.text}`.includes(HIDDEN)) process.stderr.write("Secrets were not compared.\n");
  return lines.length === 0 ? EXIT.ok : EXIT.failed;
}

/** One line for each setting that differs; an object that only one side has is one line. */
export function differences(running: unknown, now: unknown, path: readonly string[]): string[] {
  if (isRecord(running) && isRecord(now)) {
    const keys = new Set([...Object.keys(running), ...Object.keys(now)]);
    return [...keys].flatMap((key) => differences(own(running, key), own(now, key), [...path, key]));
  }
  if (JSON.stringify(running) === JSON.stringify(now)) return [];
  const at = joinPath(path);
  if (running === undefined) return [`${at}: added${isRecord(now) ? "" : `, ${shown(now)}`}`];
  if (now === undefined) return [`${at}: removed${isRecord(running) ? "" : `, ${shown(running)}`}`];
  return [`${at}: ${shown(running)} -> ${shown(now)}`];
}

function shown(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[\w./:*@%+-]+$/.test(value) ? value : quote(value);
}

/** Writes suggestions as a commented configuration file: short, sorted, without what is the default anyway. Pure. */
import { SERVICE_NAME, SERVICE_SETTINGS } from "../config/service-settings.ts";
import { isRecord, own } from "../core/record.ts";
import type { Suggestion } from "../plugin/discovery.ts";
import { parseDurationMs } from "../plugin/settings.ts";

export interface Written {
  text: string;
  /** Names of the services that are in it. */
  services: string[];
  /** `name: why`, fit to be shown. */
  leftOut: string[];
}

const LONGEST_COMMENT = 200;
const LONGEST_LINE = 100;

/** Without services, the text is no configuration. `from`: what it was made of. `notes`: what holds for all of it, a sentence each. */
export function writeConfig(
  suggestions: readonly Suggestion[],
  from: string,
  notes: readonly string[],
): Written {
  const sorted = [...suggestions].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const containers = new Set<unknown>();
  const taken = new Set<string>();
  const services: Suggestion[] = [];
  const leftOut: { name: string; why: string }[] = [];
  for (const one of sorted) {
    const why = one.leftOut ?? whyNot(one, taken, containers);
    if (why !== undefined) leftOut.push({ name: one.name, why });
    else services.push(one);
  }
  const names = services.map(({ name }) => name);
  const dependencies = withoutCycles(services);
  const lines = leftOut.map(({ name, why }) => comment(`${name}: ${why}`));
  const head = [
    `Made by "spreadpilot-watchdog init" from ${from}. Every setting: docs/settings.md`,
    ...notes,
  ];
  const parts = [
    head.flatMap(commentLines).join("\n"),
    names.length === 0
      ? "services: {}"
      : ["services:", services.map((one) => serviceText(one, dependencies.get(one.name)!)).join("\n\n")].join(
          "\n",
        ),
    ...(leftOut.length === 0 ? [] : [["# Not watched:", ...lines.map((line) => `#   ${line}`)].join("\n")]),
    RECEIVERS,
  ];
  return { text: `${parts.join("\n\n")}\n`, services: names, leftOut: lines };
}

const RECEIVERS = `# Alerts go nowhere but the log until there is a receiver: docs/alerts.md
# plugins:
#   webhook: { url: "https://example.org/alerts" }`;

/** Two services may not have one name, nor restart one container. */
function whyNot(
  { name, settings }: Suggestion,
  taken: Set<string>,
  containers: Set<unknown>,
): string | undefined {
  if (!SERVICE_NAME.test(name)) return "its name is none of a service: rename it, or list it by hand";
  if (taken.has(name)) return "another service has its name";
  if (settings.container !== undefined && containers.has(settings.container)) {
    return "another service has its container";
  }
  taken.add(name);
  containers.add(settings.container);
  return undefined;
}

function serviceText(
  { name, settings, why, notes, guesses = [] }: Suggestion,
  dependsOn: readonly string[],
): string {
  const lines = [`  ${scalar(name)}:`, ...notes.map((note) => `    # ${comment(note)}`)];
  const ordered = ["url", "check", ...Object.keys(SERVICE_SETTINGS), ...Object.keys(settings)];
  for (const key of new Set(ordered)) {
    const value = key === "dependsOn" ? some(dependsOn) : settings[key];
    if (value === undefined || isDefault(key, value)) continue;
    const line = `    ${key}: ${inline(value)}`;
    const reason = own(why, key) ?? "";
    if (reason === "") lines.push(line);
    else if (line.length + reason.length < LONGEST_LINE) lines.push(`${line} # ${comment(reason)}`);
    else lines.push(`    # ${comment(reason)}`, line);
  }
  if (guesses.length > 0) lines.push(`    # Better, if it answers: url: ${comment(guesses[0]!)}`);
  return lines.join("\n");
}

const some = (names: readonly string[]) => (names.length > 0 ? names : undefined);

/** What each service depends on, among these; a dependency that closes a circle is left out. */
function withoutCycles(services: readonly Suggestion[]): Map<string, string[]> {
  const names = new Set(services.map(({ name }) => name));
  const graph = new Map<string, string[]>(services.map(({ name }) => [name, []]));
  function leadsTo(from: string, to: string): boolean {
    const seen = new Set([from]);
    // A set that grows while it is gone through is gone through to its end.
    for (const one of seen) for (const next of graph.get(one) ?? []) seen.add(next);
    return seen.has(to);
  }
  for (const { name, settings } of services) {
    const wanted = Array.isArray(settings.dependsOn) ? [...new Set<string>(settings.dependsOn)].sort() : [];
    for (const other of wanted) {
      if (names.has(other) && !leadsTo(other, name)) graph.get(name)!.push(other);
    }
  }
  return graph;
}

function isDefault(key: string, value: unknown): boolean {
  const setting = own<{ schema: unknown; default?: unknown }>(SERVICE_SETTINGS, key);
  if (setting?.default === undefined) return false;
  if (value === setting.default) return true;
  return (
    typeof setting.default === "number" &&
    parseDurationMs(value) === setting.default * 1000 &&
    typeof value === "string"
  );
}

/** On one line. */
function comment(text: string): string {
  const plain = text.replace(INVISIBLE, "?");
  const letters = [...plain];
  return letters.length > LONGEST_COMMENT ? `${letters.slice(0, LONGEST_COMMENT - 1).join("")}…` : plain;
}

/** Wrapped at the width of the file. */
function commentLines(text: string): string[] {
  const lines = [""];
  for (const word of comment(text).split(" ")) {
    const longer = lines.at(-1) === "" ? word : `${lines.at(-1)} ${word}`;
    if (longer.length <= LONGEST_LINE - 2) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map((line) => `# ${line}`);
}

const PLAIN = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)(?:https?:\/\/|tcp:\/\/)?[a-z][\w./:-]*[\w/]$/i;

/** A dollar begins a variable in the file: two of them are one. */
function scalar(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value) ?? "null";
  if (PLAIN.test(value) && !/:(?:$|[^\w/])|:\/\/.*:\/\//.test(value)) return value;
  if (/^\d{1,9}(?:ms|s|m|h|d)$|^\d{3}-\d{3}$/.test(value)) return value;
  return JSON.stringify(value.replaceAll("$", "$$$$")).replace(INVISIBLE, (letter) => {
    const code = letter.codePointAt(0)!.toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** What could change what a terminal or an editor shows. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu;

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inFlow).join(", ")}]`;
  if (!isRecord(value)) return scalar(value);
  const entries = Object.entries(value).map(([key, one]) => `${scalar(key)}: ${inFlow(one)}`);
  return `{ ${entries.join(", ")} }`;
}

const inFlow = (value: unknown) => (Array.isArray(value) || isRecord(value) ? inline(value) : scalar(value));

/** docs/settings.md: every setting with what it takes, its default, its variable and what it is for. */
import type { JsonSchema } from "@valibot/to-json-schema";
import type { Declarations } from "../src/config/config.ts";
import { nameOf } from "../src/config/environment.ts";
import { PROCESS_SETTINGS } from "../src/config/process-settings.ts";
import { SERVICE_SETTINGS } from "../src/config/service-settings.ts";
import { type Settings, variablesOf } from "../src/config/settings.ts";
import type { ForeignTable } from "../src/plugin/foreign.ts";

type Json = JsonSchema & { secret?: boolean };
type Variables = Readonly<Record<string, string | { list: string }>>;

const ALERT_SETTINGS = ["events", "severities", "services", "title", "message"];

const INTRODUCTION = `# Settings

Every setting, made from the declarations that read it (\`npm run docs\`). [configuration.md](configuration.md)
says how a file looks and what wins over what; an editor completes and checks a file with this line on top:

\`\`\`yaml
# yaml-language-server: $schema=./node_modules/spreadpilot-watchdog/schema.json
\`\`\`

A duration is a number of seconds, or text such as \`500ms\`, \`15s\`, \`2m\`, \`1h\`, \`1d\`. A variable of a secret may
also come as \`NAME_FILE\`, the path of a file that holds it. A variable in brackets takes a list with commas between.
`;

export async function settingsReference(schema: JsonSchema, declarations: Declarations): Promise<string> {
  const {
    services,
    plugins,
    defaults: _,
    templates: __,
    include: ___,
    $schema: ____,
    ...process
  } = schema.properties as Record<string, Json>;
  const service = (services!.additionalProperties as Json).properties as Record<string, Json>;
  const of = plugins!.properties as Record<string, Json>;
  const ownKeys = Object.keys(service).filter((key) => Object.hasOwn(SERVICE_SETTINGS, key));
  const parts = [
    INTRODUCTION,
    "## The process\n",
    table(process, variablesOf(PROCESS_SETTINGS)),
    "By the environment alone:\n",
    envOnly(PROCESS_SETTINGS),
    "## A service\n",
    "`services.<name>`; a variable gives the default of all services.\n",
    table(Object.fromEntries(ownKeys.map((key) => [key, service[key]!])), variablesOf(SERVICE_SETTINGS)),
    "## What every receiver of alerts takes\n",
    table(pick(settingsOf(of.slack!), ALERT_SETTINGS), {}),
  ];
  for (const [name, { env = {} }] of Object.entries(declarations)) {
    const own = Object.entries(settingsOf(of[name]!)).filter(([key]) => !ALERT_SETTINGS.includes(key));
    const ofService = service[name]?.properties as Record<string, Json> | undefined;
    if (own.length === 0 && !ofService) continue;
    parts.push(`## ${name}\n`);
    if (own.length > 0) parts.push(`\`plugins.${name}\`\n`, table(Object.fromEntries(own), env));
    if (ofService) parts.push(`\`services.<name>.${name}\`\n`, table(ofService, {}));
  }
  parts.push(
    "## Variables of other tools\n",
    "They are weaker than all of the above: [migrating.md](migrating.md).\n",
  );
  for (const { foreign } of Object.values(declarations)) {
    if (foreign) parts.push(ofOtherTools(await foreign.table()));
  }
  return `${parts.join("\n").trimEnd()}\n`;
}

const settingsOf = ({ anyOf = [] }: Json) =>
  ((anyOf.at(-1) as Json).properties ?? {}) as Record<string, Json>;

const pick = (from: Record<string, Json>, keys: readonly string[]) =>
  Object.fromEntries(keys.map((key) => [key, from[key]!]));

function table(settings: Record<string, Json>, env: Variables): string {
  const rows = Object.entries(settings).flatMap(([key, json]) => rowsOf(key, json, env[key]));
  return ["| setting | takes | default | variable | |", "| --- | --- | --- | --- | --- |", ...rows, ""].join(
    "\n",
  );
}

function rowsOf(path: string, json: Json, variable?: string | { list: string }): string[] {
  const row = cells([
    `\`${path}\``,
    takes(json),
    json.default === undefined || isEmpty(json.default) ? "" : `\`${JSON.stringify(json.default)}\``,
    variable === undefined ? "" : shownVariable(variable),
    json.description ?? "",
  ]);
  const shape = [json, ...((json.anyOf ?? []) as Json[]), json.items as Json].find((one) => one?.properties);
  const inner = Object.entries((shape?.properties ?? {}) as Record<string, Json>);
  const at = shape === json.items ? `${path}[]` : path;
  return [row, ...inner.flatMap(([key, one]) => rowsOf(`${at}.${key}`, one))];
}

function envOnly(settings: Settings): string {
  const rows = Object.values(settings)
    .filter(({ envOnly }) => envOnly)
    .map(({ env, help }) => cells([shownVariable(env!), help]));
  const runAs = "Becomes this user before anything else, `uid:gid`; `0:0` keeps root. The image sets it.";
  return ["| variable | |", "| --- | --- |", ...rows, cells(["`WATCHDOG_RUN_AS`", runAs]), ""].join("\n");
}

function ofOtherTools({ variables, defaults }: ForeignTable): string {
  const rows = Object.entries(variables).map(([name, one]) =>
    cells([
      `\`${name}\``,
      "ignored" in one ? `no effect: ${one.ignored}` : one.settings.map(code).join(", "),
    ]),
  );
  const silent = defaults.map(({ settings, by, with: needed = [] }) => {
    const what = Object.entries(settings).map(([path, value]) => `\`${path}: ${JSON.stringify(value)}\``);
    const when = by === undefined ? "with any of them" : `without ${code(by)}`;
    return `- ${what.join(", ")} ${when}${needed.length > 0 ? `, if there is ${needed.map(code).join(" or ")}` : ""}`;
  });
  return ["| variable | setting |", "| --- | --- |", ...rows, "", "What they imply:\n", ...silent, ""].join(
    "\n",
  );
}

const code = (text: string) => `\`${text}\``;

const shownVariable = (variable: string | { list: string }) =>
  typeof variable === "string" ? `\`${variable}\`` : `[\`${nameOf(variable)}\`]`;

const isEmpty = (value: unknown) =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

const cells = (texts: readonly string[]) =>
  `| ${texts.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;

function takes(json: Json): string {
  const shapes = (json.anyOf ?? []) as Json[];
  if (shapes.length > 0) {
    const isDuration = shapes.some(({ pattern }) => pattern?.includes("(ms|s|m|h|d)"));
    return isDuration ? "duration" : [...new Set(shapes.map(takes))].join(" or ");
  }
  if (json.const !== undefined) return `\`${JSON.stringify(json.const)}\``;
  if (json.enum) return json.enum.map((one) => `\`${one}\``).join(", ");
  if (json.type === "array") return `list of: ${takes((json.items ?? {}) as Json)}`;
  if (json.type === "integer") return range("whole number", json);
  if (json.type === "number") return range("number", json);
  if (json.type === "boolean") return "`true`, `false`";
  if (json.type === "null") return "`null`";
  if (json.type === "object") return json.properties ? "object" : "object of texts";
  return json.secret ? "text, secret" : "text";
}

function range(word: string, { minimum, maximum }: Json): string {
  return minimum === undefined || maximum === undefined ? word : `${word}, ${minimum} to ${maximum}`;
}

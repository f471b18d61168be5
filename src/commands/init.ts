/** Writes a configuration file from the containers of this host, or from a Compose file. */
import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { builtins } from "../builtin-plugins.ts";
import { fileTrouble } from "../config/environment.ts";
import { quote } from "../config/fault.ts";
import { parseYaml } from "../config/file.ts";
import { loadConfig } from "../config/load.ts";
import { SERVICE_SETTINGS } from "../config/service-settings.ts";
import { isRecord } from "../core/record.ts";
import { readCompose } from "../init/compose.ts";
import { readDotEnv } from "../init/interpolate.ts";
import { type Written, writeConfig } from "../init/write.ts";
import type { Check, Ports } from "../plugin/contract.ts";
import type { Discoverer, Outline, Suggestion } from "../plugin/discovery.ts";
import { type Registry, setUpPlugins } from "../plugin/registry.ts";
import { createRedactor } from "../redaction/redactor.ts";
import { secretsOfEnvironment } from "../redaction/secrets.ts";
import { systemClock } from "../system/clock.ts";
import { createLog } from "../system/log.ts";
import { EXIT } from "./command.ts";

interface Options {
  from?: string;
  output?: string;
  force: boolean;
}

const DEFAULT_OUTPUT = "watchdog.config.yaml";
const OTHERS = ["ts", "json", "yml", "js", "mjs"].map((extension) => `watchdog.config.${extension}`);
/** Nobody writes a longer one by hand. */
const LONGEST_COMPOSE = 2 * 1024 * 1024;
const SUGGEST_MS = 5000;
const PROBE_MS = 1000;
const MOST_PROBED = 200;

export async function initCommand({ from, output = DEFAULT_OUTPUT, force }: Options): Promise<number> {
  const obstacle = obstacleTo(output, force);
  if (obstacle !== undefined) return fail(obstacle);
  const read = from === undefined ? undefined : await outlinesOf(from);
  if (read && !read.ok) return fail(read.reason);
  const { registry, ports } = await defaultPlugins();
  const discoverer = [...registry.discoverers.values()].find(({ suggest }) => suggest !== undefined);
  if (!discoverer) return fail("no plugin can describe containers: an error of ours");
  const suggested = await suggest(discoverer, read?.outlines);
  if (!suggested.ok) return fail(`the containers of this host cannot be listed: ${suggested.reason}`);
  const isHere = read === undefined;
  const services = isHere ? await probed(suggested.services, registry, ports) : suggested.services;
  if (services.length === 0)
    return fail("this host has no containers: start them first, or use --from compose.yaml");
  const notes = isHere ? [] : [...read.notes, NAMES];
  const written = writeConfig(services, isHere ? "the containers of this host" : basename(from!), notes);
  if (written.services.length === 0) {
    return fail(
      ["nothing of it is to be watched, and nothing was written:", ...written.leftOut].join("\n  "),
    );
  }
  return write(written, output, force);
}

const NAMES =
  "Names of services resolve on the network of these services only: the watchdog has to be on it.";

/** Why the file may not be written; asked before anything else takes time. */
function obstacleTo(output: string, force: boolean): string | undefined {
  if (output === "-") return undefined;
  if (!force && existsSync(output)) {
    return `${output} exists and was not touched: --force replaces it, "-o -" prints what would be written`;
  }
  const other = output === DEFAULT_OUTPUT ? OTHERS.find((name) => existsSync(name)) : undefined;
  if (other === undefined) return undefined;
  return `${other} exists, and of two configuration files none is used: remove it, or write elsewhere with -o FILE`;
}

type Read = { ok: true; outlines: Outline[]; notes: string[] } | { ok: false; reason: string };

async function outlinesOf(from: string): Promise<Read> {
  const path = resolve(from);
  try {
    const { size } = await stat(path);
    if (size > LONGEST_COMPOSE) {
      return {
        ok: false,
        reason: `${from} has ${Math.ceil(size / 1024 ** 2)} MiB: a Compose file has at most 2`,
      };
    }
    const parsed = await parseYaml((await readFile(path, "utf8")).replace(/^\ufeff/, ""));
    if (!parsed.ok) {
      const at = parsed.at ? `:${parsed.at.line}:${parsed.at.column}` : "";
      return { ok: false, reason: `${from}${at}: found ${parsed.found}, accepted: ${parsed.accepted}` };
    }
    const content = isRecord(parsed.content) ? parsed.content : {};
    const dotEnv = await readFile(join(dirname(path), ".env"), "utf8").catch(() => "");
    const env = { ...readDotEnv(dotEnv), ...process.env };
    const project = process.env.COMPOSE_PROJECT_NAME ?? basename(dirname(path));
    const read = readCompose({ content, project, env });
    if (read.ok) return read;
    return { ok: false, reason: `${from}: found ${read.found}, accepted: ${read.accepted}` };
  } catch (error) {
    const deep = error instanceof RangeError ? "it is nested too deeply" : fileTrouble(error);
    return { ok: false, reason: `${from} cannot be read: ${deep}` };
  }
}

/** The plugins that are on by themselves, whatever a configuration says: it is not written yet, or wrong. */
async function defaultPlugins(): Promise<{ registry: Registry; ports: Ports }> {
  const redact = createRedactor(secretsOfEnvironment(process.env));
  const log = createLog({ level: "silent", format: "pretty", redact, stream: process.stderr });
  const ports: Ports = { clock: systemClock, log, random: Math.random, env: process.env, redact };
  const nothing = async () => Promise.reject(Object.assign(new Error("no file"), { code: "ENOENT" }));
  const loaded = await loadConfig({ env: {}, cwd: process.cwd(), plugins: builtins, readFile: nothing });
  const plugins = loaded.ok ? loaded.config.plugins : [];
  const wanted = plugins.map(({ name, options }) => ({ name, options, factory: builtins[name]! }));
  const set = await setUpPlugins(wanted, ports, 15_000);
  return { registry: set.registry, ports };
}

async function suggest(discoverer: Discoverer, outlines: readonly Outline[] | undefined) {
  try {
    return await discoverer.suggest!(outlines, AbortSignal.timeout(SUGGEST_MS));
  } catch (error) {
    return { ok: false as const, reason: `an error of ours: ${String(error)}` };
  }
}

/** Asks the usual health addresses. The first that answers well is taken. */
async function probed(
  services: readonly Suggestion[],
  registry: Registry,
  { clock }: Ports,
): Promise<Suggestion[]> {
  const check = registry.checks.get(SERVICE_SETTINGS.check.default);
  const over = AbortSignal.timeout(SUGGEST_MS);
  let left = MOST_PROBED;
  return Promise.all(
    services.map(async (one) => {
      const urls = check ? (one.guesses ?? []).slice(0, Math.max(0, left)) : [];
      left -= urls.length;
      const answers = await Promise.all(urls.map((url) => isWell(check!, url, over)));
      const url = urls[answers.indexOf(true)];
      if (url === undefined) return one;
      const { check: _, ...settings } = one.settings;
      const time = new Date(clock.now()).toISOString().slice(0, 10);
      const why = { ...one.why, url: `it answered well on ${time}` };
      return { name: one.name, settings: { ...settings, url }, why, notes: one.notes };
    }),
  );
}

async function isWell(check: Check, url: string, signal: AbortSignal): Promise<boolean> {
  const target = {
    name: "init",
    displayName: "init",
    url,
    container: "",
    timeoutMs: PROBE_MS,
    options: { status: [[200, 299]] },
  };
  return check.run(target, signal).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function write({ text, services, leftOut }: Written, output: string, force: boolean): Promise<number> {
  const isShown = output === "-";
  if (!isShown) {
    const failed = await writeFile(output, text, { flag: force ? "w" : "wx" }).catch(
      (error: unknown) => error,
    );
    if (failed !== undefined) {
      return fail(`${output} cannot be written: ${fileTrouble(failed)}; "-o -" prints what would be written`);
    }
  }
  const count = `${services.length} ${services.length === 1 ? "service" : "services"}`;
  const rest = leftOut.length === 0 ? "" : `, ${leftOut.length} left out (the file says why)`;
  const isDefault = relative("", output) === DEFAULT_OUTPUT;
  const variable = isShown || isDefault ? "" : `WATCHDOG_CONFIG=${quote(output).slice(1, -1)} `;
  process.stderr.write(
    `${isShown ? "Printed" : `Wrote ${output}`}: ${count}${rest}.\n` +
      `${isShown ? `Save it as ${DEFAULT_OUTPUT}, then` : "Read it, then"}: ${variable}spreadpilot-watchdog doctor\n`,
  );
  return isShown ? shown(text) : end(EXIT.ok);
}

function shown(text: string): Promise<number> {
  return new Promise(() => process.stdout.write(text, () => process.exit(EXIT.ok)));
}

/** Explicitly: a plugin may keep the process alive. */
const end = (code: number): Promise<number> =>
  new Promise(() => process.stderr.write("", () => process.exit(code)));

function fail(reason: string): Promise<number> {
  process.stderr.write(`spreadpilot-watchdog: ${reason}\n`);
  return end(EXIT.failed);
}

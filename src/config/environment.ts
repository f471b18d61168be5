/** The environment as settings: secrets from files, then the runner's own variables. */
import { isIP } from "node:net";
import { resolve } from "node:path";
import { type Fault, isSecretName, show } from "./fault.ts";
import { parseDurationMs, showDuration } from "./fields.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** An environment without its empty variables: `PORT=` in a compose file means "not set". */
export function withoutEmpty(env: Env): Record<string, string> {
  const set: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && value.trim() !== "") set[name] = value;
  }
  return set;
}

/**
 * Reads each NAME from the file that NAME_FILE names (Docker's secrets), into `env`. Only names that
 * somebody asks for: `SSL_KEY_FILE` may be there for another program, and `STATE_FILE` is no secret. NAME_FILE
 * is taken out, so that whoever asks for the same name later neither reads nor judges it again.
 */
export async function readSecretFiles(
  env: Record<string, string>,
  names: Iterable<string>,
  cwd: string,
  readFile: (path: string) => Promise<string>,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const name of names) {
    const file = env[`${name}_FILE`];
    if (file === undefined) continue;
    delete env[`${name}_FILE`];
    const path = `env ${name}_FILE`;
    if (env[name] !== undefined) {
      faults.push({ path, found: `${name} set as well`, accepted: `either ${name} or ${name}_FILE` });
      continue;
    }
    try {
      const text = (await readFile(resolve(cwd, file))).replace(/[\r\n]+$/, "");
      if (text.trim() === "") {
        faults.push({
          path,
          found: `${show(file)}, which is empty`,
          accepted: "a file with the value in it",
        });
      } else env[name] = text;
    } catch (error) {
      const found = `${show(file)}: ${fileTrouble(error)}`;
      faults.push({ path, found, accepted: `a readable file with the value of ${name} in it` });
    }
  }
  return faults;
}

/** Why a file could not be read, for people. The error's own text may hold the file's content. */
export function fileTrouble(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  const words: Record<string, string> = {
    ENOENT: "no such file",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EISDIR: "a folder, not a file",
    ENOTDIR: "no such folder",
  };
  return words[String(code)] ?? (typeof code === "string" ? `cannot be read (${code})` : "cannot be read");
}

/** What the environment says; absent when it says nothing. Times in ms. */
export interface EnvSettings {
  intervalMs?: number;
  timeoutMs?: number;
  failureThreshold?: number;
  host?: string;
  port?: number;
  stateFile?: string;
  configFile?: string;
  cron?: boolean;
  logLevel?: LogLevel;
  logFormat?: LogFormat;
  dryRun?: boolean;
  tokens: string[];
}

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export const LOG_FORMATS = ["pretty", "json"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

const TRUE = new Set(["true", "1", "yes", "on"]);
const FALSE = new Set(["false", "0", "no", "off"]);

/** The runner's own secrets, which may come as NAME_FILE. */
export const RUNNER_SECRETS = ["WATCHDOG_TOKEN", "CRON_SECRET"];

/** Limits of the settings that the environment and the file share. */
export const LIMITS = {
  intervalMs: [100, 86_400_000],
  timeoutMs: [10, 600_000],
  threshold: [1, 1000],
  port: [0, 65_535],
} as const;

/** Reads the runner's variables; a wrong one is a fault and is left out, so that the others are still judged. */
export function readEnvironment(env: Env): { settings: EnvSettings; faults: Fault[] } {
  const faults: Fault[] = [];
  function read<T>(name: string, parse: (text: string) => T | undefined, accepted: string): T | undefined {
    const text = env[name]?.trim();
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined) {
      faults.push({ path: `env ${name}`, found: show(text, isSecretName(name)), accepted });
    }
    return value;
  }
  const duration = (name: string, [least, most]: readonly [number, number]) =>
    read(
      name,
      (text) => {
        const ms = parseDurationMs(/^\d+(\.\d+)?$/.test(text) ? Number(text) : text);
        return ms !== undefined && ms >= least && ms <= most ? ms : undefined;
      },
      `seconds, from ${least / 1000} to ${most / 1000}; or a duration from ${showDuration(least)} to ${showDuration(most)} such as "15s"`,
    );
  const whole = (name: string, [least, most]: readonly [number, number]) =>
    read(
      name,
      (text) => (/^\d{1,9}$/.test(text) && +text >= least && +text <= most ? +text : undefined),
      `a whole number from ${least} to ${most}`,
    );
  const flag = (name: string) =>
    read(
      name,
      (text) => (TRUE.has(text.toLowerCase()) ? true : FALSE.has(text.toLowerCase()) ? false : undefined),
      "true or false",
    );
  const word = <T extends string>(name: string, words: readonly T[]) =>
    read(name, (text) => words.find((one) => one === text.toLowerCase()), `one of ${words.join(", ")}`);
  const text = (name: string) => read(name, (value) => value, "a text");
  const token = "printable characters without spaces";

  const settings: EnvSettings = {
    intervalMs: duration("CHECK_INTERVAL_SECONDS", LIMITS.intervalMs),
    timeoutMs: duration("HEALTH_CHECK_TIMEOUT", LIMITS.timeoutMs),
    failureThreshold: whole("MAX_CONSECUTIVE_FAILURES", LIMITS.threshold),
    host: read("HOST", (value) => (isHost(value) ? value : undefined), ACCEPTED_HOST),
    port: whole("PORT", LIMITS.port),
    stateFile: text("STATE_FILE"),
    configFile: text("WATCHDOG_CONFIG"),
    cron: flag("WATCHDOG_CRON"),
    logLevel: word("LOG_LEVEL", LOG_LEVELS),
    logFormat: word("LOG_FORMAT", LOG_FORMATS),
    dryRun: flag("DRY_RUN"),
    tokens: [
      ...(read("WATCHDOG_TOKEN", parseTokens, `one or more tokens of ${token}, with commas between`) ?? []),
      ...(read("CRON_SECRET", (one) => (isToken(one) ? [one] : undefined), `one token of ${token}`) ?? []),
    ],
  };
  return { settings, faults };
}

function isToken(text: string): boolean {
  // What an `Authorization` header can carry.
  return /^[\x21-\x7e]+$/.test(text);
}

function parseTokens(text: string): string[] | undefined {
  const tokens = text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
  return tokens.length > 0 && tokens.every(isToken) ? tokens : undefined;
}

export const ACCEPTED_HOST = 'an address or host name to listen on, such as "127.0.0.1", "0.0.0.0" or "::1"';

export function isHost(text: string): boolean {
  return isIP(text) !== 0 || (/^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?$/i.test(text) && !/^[\d.]+$/.test(text));
}

/** Whether only this machine can reach it. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

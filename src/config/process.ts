/** The settings of the process. The environment, nearer to the deployment, wins over the top level of the file. */
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import type { Token } from "./binding.ts";
import { checkRest } from "./check.ts";
import type { Section } from "./config.ts";
import { type FromEnvironment, layerOf, nameOf } from "./environment.ts";
import type { Fault } from "./fault.ts";
import { type Layer, merged } from "./layers.ts";
import { type EnvSettings, FILE_SCHEMA, PROCESS_SETTINGS } from "./process-settings.ts";
import { fileEntries, type Settings } from "./settings.ts";

const TABLE: Settings = PROCESS_SETTINGS;
const OF_FILE = v.strictObject(fileEntries(PROCESS_SETTINGS));
const OF_ENVIRONMENT = v.strictObject(
  Object.fromEntries(
    Object.values(TABLE).flatMap(({ env, envOnly, schema }) =>
      env !== undefined && envOnly ? [[nameOf(env), v.optional(schema)]] : [],
    ),
  ),
);

/** Where a file may hold what only the environment gives, so that nobody takes it for a setting of the file. */
const ENVIRONMENT = "x-environment";

/** `path` is the file's. */
export function readProcess(
  file: Layer,
  path: string | undefined,
  fromEnv: FromEnvironment,
  foreign: Layer,
  cwd: string,
) {
  const { faults } = checkRest(FILE_SCHEMA, file.said, []);
  const ofFile: Layer = { origin: file.origin, said: chosen(file.said, (key) => Object.hasOwn(TABLE, key)) };
  const env = layerOf(fromEnv);
  const ofEnv: Layer = { ...env, said: chosen(env.said, (key) => !TABLE[key]?.envOnly) };
  const layers = [
    foreign,
    withStateFile(ofFile, path === undefined ? cwd : dirname(path)),
    withStateFile(ofEnv, cwd),
  ];
  const said = checkRest(FILE_SCHEMA, merged(layers), []).value ?? v.parse(FILE_SCHEMA, {});
  const { host, port, logLevel, logFormat, startDelay, maxConcurrentRestarts, brake, sentinel } = said;
  return {
    said,
    settings: {
      host,
      port,
      stateFile: said.stateFile ?? resolve(cwd, "data/state.json"),
      logLevel,
      logFormat,
      startDelayMs: startDelay,
      maxConcurrentRestarts,
      ...(brake ? { brake: { share: brake.share, min: brake.min, windowMs: brake.window } } : {}),
      ...(sentinel ? { sentinel } : {}),
    },
    section: { path: [], schema: OF_FILE, layers } satisfies Section,
    faults: faults as Fault[],
  };
}

/** What the environment alone may say. */
export function environmentSection({ said, variables }: FromEnvironment): Section {
  const keys = Object.keys(said).filter((key) => TABLE[key]?.envOnly);
  const name = (key: string) => nameOf(TABLE[key]!.env!);
  const origins = new Map(keys.map((key) => [name(key), `env ${variables[key]}`]));
  return {
    path: [ENVIRONMENT],
    schema: OF_ENVIRONMENT,
    layers: [
      {
        said: Object.fromEntries(keys.map((key) => [name(key), said[key]])),
        origin: ([variable]) => origins.get(String(variable)) ?? "env",
      },
    ],
  };
}

function chosen(said: Layer["said"], isChosen: (key: string) => boolean) {
  return Object.fromEntries(Object.entries(said).filter(([key]) => isChosen(key)));
}

/** A path in a file starts at the file's folder, and one in the environment at the working folder. */
function withStateFile(layer: Layer, folder: string): Layer {
  const { stateFile } = layer.said;
  if (typeof stateFile !== "string") return layer;
  return { ...layer, said: { ...layer.said, stateFile: resolve(folder, stateFile) } };
}

export function tokensOf({ tokens = [], cronSecret }: EnvSettings): Token[] {
  const all = tokens.map((value) => ({ variable: "WATCHDOG_TOKEN", value }));
  return cronSecret === undefined ? all : [...all, { variable: "CRON_SECRET", value: cronSecret }];
}

/** Whether the environment holds variables of other tools. Most hold none, and do without their translation. */
import type { ForeignEnvironment } from "../plugin/foreign.ts";
import type { Declarations, EnvironmentNotice } from "./config.ts";
import type { Fault } from "./fault.ts";
import type { Layer } from "./layers.ts";

/** What the variables of other tools come to. */
export interface Foreign {
  /** The top level of a file. */
  process: Layer;
  /** Of all services. */
  defaults: Layer;
  plugins(name: string): Layer;
  notices: EnvironmentNotice[];
  faults: Fault[];
}

type Env = Readonly<Record<string, string>>;

export function namesIn(env: Env, { prefix, names }: ForeignEnvironment): string[] {
  return Object.keys(env).filter((name) => name.startsWith(prefix) || names.includes(name));
}

export function hasForeign(declarations: Declarations, env: Env): boolean {
  return Object.values(declarations).some(({ foreign }) => foreign && namesIn(env, foreign).length > 0);
}

const NOTHING: Layer = { said: {}, origin: () => "env" };

export const NO_FOREIGN: Foreign = {
  process: NOTHING,
  defaults: NOTHING,
  plugins: () => NOTHING,
  notices: [],
  faults: [],
};

/** Fills in the variables of a Compose file, as Compose does. Pure. */
import { isSecretName } from "../redaction/names.ts";

type Env = Readonly<Record<string, string | undefined>>;

const PLACE = /\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])([^{}$]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)|\$/g;

/**
 * `undefined` where a variable has no value here, where its name says that it is a secret, or where it is written in
 * a way that is not understood: then nobody knows the text.
 */
export function interpolate(text: string, env: Env): string | undefined {
  let isKnown = true;
  const whole = text.replace(PLACE, (place, braced?: string, operator = "", rest = "", bare?: string) => {
    if (place === "$$") return "$";
    const name = braced ?? bare;
    const value = name === undefined || isSecretName(name) ? undefined : env[name];
    const isSet = value !== undefined && (value !== "" || !operator.startsWith(":"));
    if (name !== undefined && isSet) return operator.endsWith("+") ? rest : value;
    if (name !== undefined && !isSecretName(name)) {
      if (operator.endsWith("-")) return rest;
      if (operator.endsWith("+")) return "";
    }
    isKnown = false;
    return "";
  });
  return isKnown ? whole : undefined;
}

/** The variables of a `.env` file. Values in single quotes are as they are; the rest of Compose's grammar is not read. */
export function readDotEnv(text: string): Record<string, string> {
  const entries = text.split(/\r?\n/).flatMap((line): [string, string][] => {
    const [, name, value = ""] =
      /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined) return [];
    const quoted = /^'([^']*)'|^"([^"\\$]*)"/.exec(value);
    return [[name, quoted ? (quoted[1] ?? quoted[2]!) : value.replace(/\s+#.*$/, "")]];
  });
  return Object.fromEntries(entries);
}

/** From the text of a Compose file to the configuration that `init` writes, and back through the loader. */
import assert from "node:assert/strict";
import { suggestionsOf } from "../../plugins/docker/discovery/suggest.ts";
import { builtins } from "../../src/builtin-plugins.ts";
import type { Config } from "../../src/config/config.ts";
import { formatFaults } from "../../src/config/fault.ts";
import { parseYaml } from "../../src/config/file.ts";
import { loadConfig } from "../../src/config/load.ts";
import { isRecord } from "../../src/core/record.ts";
import { readCompose } from "../../src/init/compose.ts";
import { type Written, writeConfig } from "../../src/init/write.ts";

/** `undefined` where the file is refused, which is right for some. */
export function writtenOf(content: unknown, env: Record<string, string> = {}): Written | undefined {
  const read = readCompose({ content: isRecord(content) ? content : {}, project: "shop", env });
  return read.ok ? writeConfig(suggestionsOf(read.outlines), "compose.yaml", read.notes) : undefined;
}

export async function initFrom(text: string, env: Record<string, string> = {}): Promise<Written> {
  const parsed = await parseYaml(text);
  assert.ok(parsed.ok, text);
  const written = writtenOf(parsed.content, env);
  assert.ok(written, text);
  return written;
}

/** As `config check` would read it. */
export async function loaded(text: string): Promise<Config> {
  const readFile = async (path: string) => {
    if (path.endsWith("watchdog.config.yaml")) return text;
    throw Object.assign(new Error(), { code: "ENOENT" });
  };
  const result = await loadConfig({ env: {}, cwd: "/nowhere", plugins: builtins, readFile });
  if (!result.ok) assert.fail(`${formatFaults(result.faults, result.source)}\n${text.slice(0, 3000)}`);
  return result.config;
}

/** What the page on migrating shows starts: each environment in it is understood, before and after. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { otherTools } from "../../plugins/docker/other-tools.ts";
import { builtins } from "../../src/builtin-plugins.ts";
import { describe } from "../../src/config/describe.ts";
import { loadConfig } from "../../src/config/load.ts";
import { inlineCodeOf, read, snippetsOf } from "./pages.ts";

const PAGE = "docs/migrating.md";

interface Shown {
  line: number;
  image: string;
  env: Record<string, string>;
}

/** What a Compose file or a command would start. */
function shownIn(text: string, language: string, line: number): Shown[] {
  if (language === "sh") {
    return text
      .split("\n")
      .filter((command) => command.startsWith("docker run "))
      .map((command) => {
        const env = [...command.matchAll(/ -e (\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!]);
        const words = command.split(" ");
        const image = words.find((word) =>
          /^(spreadpilot-watchdog|willfarrell|tmknight88|qmcgaw)/.test(word),
        );
        return { line, image: image ?? "", env: Object.fromEntries(env) };
      });
  }
  const services = Object.values(parse(text).services) as { image?: string; environment?: object }[];
  return services.flatMap(({ image, environment = {} }) => {
    const env = Object.entries(environment).map(([name, value]) => [name, String(value)]);
    return image === undefined ? [] : [{ line, image, env: Object.fromEntries(env) }];
  });
}

const all = snippetsOf(PAGE)
  .filter(({ language }) => language === "sh" || language === "yaml")
  .flatMap(({ text, language, line }) => shownIn(text, language, line));

test("every environment on the page is understood, the other tools' as well as ours", async () => {
  assert.equal(all.length, 13);
  for (const { line, env, image } of all) {
    assert.notEqual(image, "", `${PAGE}:${line}`);
    const loaded = await loadConfig({ env, cwd: "/nowhere", plugins: builtins, readFolder: async () => [] });
    assert.ok(loaded.ok, `${PAGE}:${line}: ${JSON.stringify(loaded.ok || loaded.faults)}`);
    const warnings = loaded.config.notices.filter(({ level }) => level === "warn");
    assert.deepEqual(warnings, [], `${PAGE}:${line}`);
    const isOurs = image === "spreadpilot-watchdog";
    const four = line > read(PAGE).split("## SpreadPilot's Python watchdog")[0]!.split("\n").length;
    const { discover } = (describe(loaded.config).value.plugins as { docker: { discover: boolean } }).docker;
    if (isOurs) assert.equal(discover, !four, `${PAGE}:${line}`);
  }
});

test("the pages name every variable of other tools", () => {
  const named = new Set(
    [...inlineCodeOf(PAGE), ...inlineCodeOf("docs/settings.md")].map((code) => code.replace(/=.*/, "")),
  );
  assert.deepEqual(
    Object.keys(otherTools.variables).filter((name) => !named.has(name)),
    [],
  );
});

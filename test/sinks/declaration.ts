/** What every sink's plugin must declare: its settings from the file and from the environment, secrets hidden. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check } from "../../src/config/check.ts";
import { readVariables } from "../../src/config/environment.ts";
import type { PluginDeclaration, PluginFactory, Sink, Watchdog } from "../../src/plugin.ts";
import { realClock } from "./contract.ts";

export interface DeclarationCase<Options> {
  name: string;
  plugin: PluginFactory<Options>;
  /** Settings that suffice; every "planted" in them is a secret. */
  enough: Record<string, unknown>;
  /** The environment that comes to the same. */
  env: Record<string, string>;
  /** Where it says that it sends to. */
  target: string;
  /** Wrong settings: what is wrong, the settings, the path of the fault. */
  faults: [what: string, settings: Record<string, unknown>, path: string][];
}

const ROUTE = {
  events: ["COMPONENT_DOWN"],
  severities: ["CRITICAL"],
  services: ["executor"],
  title: "{component}",
  message: "{message} ({hint})",
};

/** The settings that an environment gives a plugin. */
export function saidBy(
  { options, env: variables }: PluginDeclaration<unknown>,
  env: Record<string, string>,
): Record<string, unknown> {
  return readVariables(options!, variables ?? {}, env).said;
}

export function sinkDeclaration<Options>(declared: DeclarationCase<Options>): void {
  const { name, plugin, enough, env, target } = declared;
  // Without `hideUrls`: the schema itself must say what is a secret.
  const read = (settings: unknown) => check(plugin.options!, settings, ["plugins", name]);

  function optionsOf(settings: unknown): Options {
    const checked = read(settings);
    assert.ok(checked.ok, JSON.stringify(checked));
    return checked.value;
  }

  function sinkOf(settings: unknown): Sink {
    const sinks: Sink[] = [];
    const watchdog = { clock: realClock, sink: (sink: Sink) => sinks.push(sink) } as unknown as Watchdog;
    plugin(optionsOf(settings)).setup(watchdog);
    assert.equal(sinks.length, 1);
    return sinks[0]!;
  }

  describe(`the settings of ${name}`, () => {
    test("the environment says as much as the file, and an empty variable is not set", () => {
      assert.deepEqual(optionsOf(saidBy(plugin, env)), optionsOf(enough));
      assert.deepEqual(saidBy(plugin, {}), {});
      const empty = Object.fromEntries(Object.keys(env).map((key) => [key, ""]));
      assert.deepEqual(saidBy(plugin, empty), {});
    });

    test("its sink has the plugin's name, shows no secret, and takes the route and the templates", () => {
      const sink = sinkOf({ ...enough, ...ROUTE });
      assert.deepEqual([sink.name, sink.target], [name, target]);
      assert.deepEqual(sink.settings, ROUTE);
      assert.deepEqual(sinkOf(enough).settings, {});
    });

    const faults: typeof declared.faults = [
      ["nothing at all", {}, Object.keys(enough)[0]!],
      ["an unknown key", { ...enough, colour: "planted" }, "colour"],
      ["an unknown event", { ...enough, events: ["COMPONENT_UP"] }, "events[0]"],
      ["an unknown placeholder", { ...enough, message: "{planted}" }, "message"],
      ...declared.faults,
    ];
    for (const [what, settings, path] of faults) {
      test(`${what} is refused, with its path and without a secret`, () => {
        const checked = read(settings);
        assert.ok(!checked.ok, "accepted");
        assert.equal(checked.faults[0]!.path, `plugins.${name}.${path}`);
        const shown = checked.faults.map((fault) => `${fault.found} ${fault.accepted}`).join();
        assert.doesNotMatch(shown.replace('"{planted}"', ""), /planted/);
      });
    }
  });
}

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Compose has variables of its own.
/** Compose files that were written by an enemy: whatever they say, the result is a configuration, and says no more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { seeded } from "../simulation/random.ts";
import { loaded, writtenOf } from "./compose.ts";

const FILES = Number(process.env.FUZZ_FILES ?? 400);

const NASTY = [
  "a\n  evil: { url: http://evil/ }",
  "\n# x",
  "${HOME}",
  "$",
  "$$",
  "$${X}",
  "${",
  "${A:-${B}}",
  "'",
  '"',
  "`id`",
  "$(id)",
  "a: b",
  "- a",
  "#",
  " # x",
  "{",
  "}",
  "[",
  "*a",
  "&a",
  "!!js/function x",
  "|",
  ">",
  "%",
  "@",
  "---",
  "...",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "true",
  "null",
  "~",
  "1e3",
  "0x10",
  "1.10",
  "123",
  "",
  " ",
  "\u2028",
  "\u0000",
  "\u202e",
  "\ud800",
  "é",
  "x".repeat(300),
  "api",
  "db",
  "web",
  "a.b",
  "A",
  "http://evil/",
  "tcp://x:1",
  "../../etc/passwd",
  "-f",
  "8080",
  "99999",
];
const NAMES = [
  "api",
  "db",
  "web",
  "a.b",
  "A",
  "constructor",
  "prototype",
  "true",
  "1.10",
  "0x10",
  "null",
  "x-1",
];
const TESTS = [
  "curl -f http://localhost:8080/",
  "wget -q http://127.0.0.1/",
  "curl -f http://localhost:1/%0a'\"$$x",
  "NONE",
];

function makerOf(seed: number) {
  const random = seeded(seed);
  const below = (n: number) => Math.floor(random() * n);
  const one = <T>(all: readonly T[]): T => all[below(all.length)]!;
  const text = () =>
    one([() => one(NASTY), () => one(NASTY) + one(NASTY), () => one(TESTS) + one(NASTY), () => one(TESTS)])();
  function any(depth: number): unknown {
    if (depth === 0) return one<unknown>([text(), below(70_000), null, true, false, -1, 1.5]);
    const kids = Array.from({ length: below(4) }, () => any(depth - 1));
    return one<unknown>([kids, Object.fromEntries(kids.map((kid) => [text(), kid])), any(0), text()]);
  }
  const KEYS = [
    "healthcheck",
    "ports",
    "expose",
    "depends_on",
    "container_name",
    "network_mode",
    "labels",
    "restart",
    "deploy",
  ];
  const LABELS = [
    "watchdog.url",
    "watchdog.path",
    "watchdog.name",
    "watchdog.group",
    "watchdog.display-name",
    "watchdog.depends-on",
    "homepage.name",
    "monitoring.id",
    "spreadpilot",
    "kuma.x.http.url",
  ];
  function service(): unknown {
    const entries: [string, unknown][] = Array.from({ length: below(6) }, () => [
      one([...KEYS, "scale", "profiles", "image", text()]),
      any(3),
    ]);
    if (below(2))
      entries.push([
        "healthcheck",
        {
          test: one<unknown>([text(), ["CMD-SHELL", text()], ["CMD", ...text().split(" ")]]),
          interval: text(),
          retries: any(0),
        },
      ]);
    if (below(2)) entries.push(["container_name", text()]);
    if (below(2)) entries.push(["expose", [one(["8080", 5432, text()])]]);
    if (below(2)) entries.push(["depends_on", [text(), one(["api", "db", "web"])]]);
    if (below(2))
      entries.push(["network_mode", one(["host", "service:api", `service:${text()}`, "container:x"])]);
    if (below(2))
      entries.push(["labels", Object.fromEntries(Array.from({ length: 3 }, () => [one(LABELS), text()]))]);
    return below(9) ? Object.fromEntries(entries) : any(2);
  }
  return () => ({
    name: text(),
    services: Object.fromEntries(
      Array.from({ length: 1 + below(6) }, () => [below(3) ? one(NAMES) : text(), service()]),
    ),
  });
}

const KEYS_OF_RESULT = new Set([
  "url",
  "check",
  "container",
  "interval",
  "timeout",
  "failureThreshold",
  "startPeriod",
  "dependsOn",
  "group",
  "displayName",
  "action",
  "respectManualStop",
  "http",
  "docker",
]);

test("the result is always a configuration, with the services and settings that it says, and nothing else", async () => {
  let services = 0;
  for (let seed = 1; seed <= FILES; seed++) {
    const content = makerOf(seed)();
    const written = writtenOf(content, { HOME: "/root", A: "a" });
    if (written === undefined || written.services.length === 0) continue;
    const config = await loaded(written.text).catch((error) => assert.fail(`seed ${seed}: ${error.message}`));
    assert.deepEqual([...config.services.keys()].sort(), [...written.services].sort(), `seed ${seed}`);
    assert.deepEqual(Object.keys(parse(written.text)), ["services"], `seed ${seed}`);
    for (const [name, settings] of Object.entries<object>(parse(written.text).services)) {
      const unknown = Object.keys(settings).filter((key) => !KEYS_OF_RESULT.has(key));
      assert.deepEqual(unknown, [], `seed ${seed}: ${name}`);
      services++;
    }
    assert.ok(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(written.text.replaceAll("\n", "")), `seed ${seed}`);
    assert.equal(({} as Record<string, unknown>).url, undefined);
  }
  assert.ok(services > FILES / 2, `${services} services came of ${FILES} files`);
});

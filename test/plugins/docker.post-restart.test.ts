/** The program that runs after a restart: real ones, and what the log says of those that fail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { postRestartSetting } from "../../plugins/docker/options.ts";
import { createPostRestart } from "../../plugins/docker/post-restart.ts";
import type { Log } from "../../src/plugin.ts";
import { until } from "./until.ts";

const RESTARTED = {
  name: "shop",
  id: "f".repeat(64),
  shortId: "f".repeat(12),
  state: "running",
  stopTimeout: "10",
};

/** What the log says of it, as `<level>: <text>`. */
async function run(command: string[], timeout: string | number = "30s"): Promise<string> {
  const lines: string[] = [];
  const log = Object.fromEntries(
    ["debug", "info", "warn", "error"].map((level) => [
      level,
      (text: string) => void lines.push(`${level}: ${text}`),
    ]),
  ) as unknown as Log;
  const redact = (text: string) => text.replaceAll("planted", "[redacted]");
  const settings = v.parse(postRestartSetting, { command, timeout })!;
  createPostRestart(
    { log, redact, env: { PATH: process.env.PATH, WORD: "of the environment" } },
    settings,
  )(RESTARTED);
  await until(() => lines.length > 0);
  return lines.join("\n");
}

const sh = (script: string, ...words: string[]) => ["/bin/sh", "-c", script, "sh", ...words];

const ROWS: [what: string, command: string[], log: RegExp, timeout?: string][] = [
  [
    "success, with its words and the environment",
    sh('[ "$1 $2 $WORD" = "/shop running of the environment" ]', "/{name}", "{state}"),
    /^debug: \/bin\/sh after the restart of shop succeeded$/,
  ],
  [
    "its own failure, with the last line that it said and no secret",
    sh("echo first >&2; echo planted word >&2; exit 7"),
    /^warn: .* ended with 7: \[redacted\] word; the restart is not affected$/,
  ],
  ["no such program", ["/no/such/program"], /^warn: .* could not be run: .*ENOENT/],
  [
    "longer than its time",
    sh("echo so far; exec sleep 60"),
    /^warn: .* ran longer than 0.2 s and was ended: so far;/,
    "200ms",
  ],
  ["more than anybody reads", sh("exec yes"), /^warn: .* said too much and was ended;/],
  ["no shell reads its words", ["/bin/echo", "$(exit 1); false"], /^debug: .* succeeded$/],
];

for (const [what, command, expected, timeout] of ROWS) {
  test(`a program after a restart: ${what}`, async () => {
    assert.match(await run(command, timeout), expected);
  });
}

test("only an absolute path and known places are accepted", () => {
  for (const command of [[], ["run.sh"], ["/run.sh", "{container}"], "/run.sh", ["/run.sh", "a\0b"]]) {
    assert.equal(v.safeParse(postRestartSetting, { command }).success, false, JSON.stringify(command));
  }
});

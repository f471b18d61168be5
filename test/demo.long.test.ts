/** The demo in a terminal of 80 columns: whole words, and an end that says how to go on. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const COLUMNS = 80;
/** util-linux's: it gives the demo a terminal. */
const script = spawnSync("script", ["--version"], { encoding: "utf8" });
const skip =
  "Deno" in globalThis
    ? "the demo is Node's"
    : !/util-linux/.test(script.stdout ?? "") && "util-linux's script is missing: it makes the terminal";

test("no line of the demo is broken by a terminal of 80 columns, and its end says what to do next", {
  skip,
}, () => {
  const demo = `stty cols ${COLUMNS} rows 24; '${process.execPath}' --import tsx demo/demo.ts --act 2 --fast`;
  const { stdout, status } = spawnSync("script", ["--quiet", "--return", "--command", demo, "/dev/null"], {
    encoding: "utf8",
    timeout: 60_000,
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours.
  const lines = stdout.replace(/\u001b\[\d+m/g, "").split(/\r?\n/);
  assert.equal(status, 0, lines.join("\n"));
  assert.ok(stdout.includes("\u001b["), "it takes this for a terminal");
  assert.deepEqual(
    lines.filter((line) => [...line].length > COLUMNS),
    [],
  );
  const end = lines.slice(-8).join("\n");
  assert.match(
    end,
    /Next: .*\n.*cp watchdog\.config\.example\.yaml .*\n.*npm start(.*\n)*.*docs\/operations\.md/,
  );
});

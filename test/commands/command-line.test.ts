/** The command line as a person types it: help, versions, and what is said of a mistake. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { COMMANDS } from "../../src/commands/table.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

async function typed(line: string, env: Record<string, string> = {}): Promise<Ended> {
  const { exit, out, err } = shop.run(line.split(" ").filter(Boolean), env);
  return { code: await exit, out: out(), err: err() };
}

/** Four at a time: each is a process. */
async function each<T>(rows: readonly T[], run: (row: T) => Promise<void>): Promise<void> {
  const left = [...rows];
  const worker = async () => {
    for (let row = left.shift(); row !== undefined; row = left.shift()) await run(row);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

const names = COMMANDS.map(({ name }) => name);

test("every page of the help fits a terminal of 80 columns and 24 lines, and is asked for in any way", async () => {
  const lines = [
    "help",
    "-h",
    "help help",
    "tick --help",
    "help alert",
    ...names.map((name) => `help ${name}`),
  ];
  const pages = new Map<string, string>();
  await each(lines, async (line) => {
    const { code, out, err } = await typed(line);
    assert.equal(code, 0, `${line}: ${err}`);
    const rows = out.trimEnd().split("\n");
    assert.ok(rows.length <= 24, `${line}: ${rows.length} lines`);
    for (const row of rows) assert.ok([...row].length <= 80, `${line}: ${row}`);
    pages.set(line, out);
  });
  for (const line of ["-h", "help help"]) assert.equal(pages.get(line), pages.get("help"));
  assert.equal(pages.get("tick --help"), pages.get("help tick"));
  assert.equal(pages.get("help alert"), pages.get("help alert test"));
  for (const name of names) {
    assert.ok(pages.get("help")!.includes(`\n  ${name}`), name);
    const page = pages.get(`help ${name}`)!;
    assert.match(page, new RegExp(`^Usage: spreadpilot-watchdog ${name}`));
    assert.match(page, /\nExit status:\n {2}0 /);
  }
});

test("the version is that of the package", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  await each(["--version", "-V", "version", "status --version"], async (line) => {
    assert.deepEqual(await typed(line), { code: 0, out: `spreadpilot-watchdog ${version}\n`, err: "" }, line);
  });
});

test("a mistake is said with what was likely meant, and where the help is; nothing is begun", async () => {
  const mistakes: [line: string, says: RegExp, page: string][] = [
    ["sreve", /^there is no command "sreve"; did you mean "serve"\?$/, "help"],
    ["staus --json", /^there is no command "staus"; did you mean "status"\?$/, "help"],
    ["alrt test", /^there is no command "alrt"; did you mean "alert test"\?$/, "help"],
    ["alert", /^"alert" is incomplete; did you mean "alert test"\?$/, "help alert test"],
    ["alert tset", /^"alert" is incomplete; did you mean "alert test"\?$/, "help alert test"],
    ["constructor", /^there is no command "constructor"; there are: serve, tick, .*, version$/, "help"],
    ["help nothing", /^there is no command "nothing"; there are: serve, tick, .*, version$/, "help"],
    ["tick now", /^"tick" takes no "now"$/, "help tick"],
    ["-- tick --json", /^"tick" takes no "--json"$/, "help tick"],
    ["alert test slack now", /^"alert test" takes no "now"$/, "help alert test"],
    ["status --jsn", /^there is no option --jsn; did you mean --json\?$/, "help status"],
    ["--verison", /^there is no option --verison; did you mean --version\?$/, "help"],
    ["tick --loud", /^there is no option --loud$/, "help tick"],
    ["status -v", /^there is no option -v; did you mean -V\?$/, "help status"],
    ["-x", /^there is no option -x$/, "help"],
    ["status --constructor", /^there is no option --constructor$/, "help status"],
    ["status --json=yes", /^--json takes no value$/, "help status"],
    ["tick --json", /^--json belongs to "status".*, not to "tick"$/, "help tick"],
    ["--port 8080", /^there is no option --port: set PORT in the environment$/, "help"],
    ["status --token hunter2", /^there is no option --token: set WATCHDOG_TOKEN in the envi/, "help status"],
    ["tick --config=hunter2", /^there is no option --config: set WATCHDOG_CONFIG in the envi/, "help tick"],
  ];
  await each(mistakes, async ([line, says, page]) => {
    const { code, out, err } = await typed(line);
    assert.equal(code, 2, line);
    assert.equal(out, "", line);
    const [first, second, ...rest] = err.trimEnd().split("\n");
    assert.ok(first!.startsWith("spreadpilot-watchdog: "), `${line}: ${err}`);
    assert.match(first!.slice("spreadpilot-watchdog: ".length), says, line);
    assert.equal(second, `See "spreadpilot-watchdog ${page}".`, line);
    assert.deepEqual(rest, [], line);
    assert.ok(!err.includes("hunter2"), "what may be a secret is not repeated");
  });
});

test("status without the right token says that one is missing or wrong, and how to give it", async () => {
  const token = "planted-token-0123456789";
  const server = await shop.serving("token", { WATCHDOG_TOKEN: token });
  const env = { WATCHDOG_CONFIG: await shop.config("token"), PORT: new URL(server.url).port };
  const none = await typed("status", env);
  assert.equal(none.code, 1);
  assert.match(none.err, /^the watchdog at 127\.0\.0\.1 port \d+ asks for a token, and none is set here\./);
  assert.match(none.err, /WATCHDOG_TOKEN .*WATCHDOG_TOKEN_FILE.*\n.*docker exec CONTAINER/);
  const wrong = await typed("status", { ...env, WATCHDOG_TOKEN: "another-planted-token" });
  assert.equal(wrong.code, 1);
  assert.match(
    wrong.err,
    /^the watchdog at 127\.0\.0\.1 port \d+ does not accept the token that is set here\./,
  );
  assert.doesNotMatch(`${none.err}${wrong.err}`, /planted/);
  const right = await typed("status", { ...env, WATCHDOG_TOKEN: token });
  assert.equal(right.code, 0, right.err);
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);
  const gone = await typed("status", { ...env, WATCHDOG_TOKEN: token });
  assert.equal(gone.code, 1);
  assert.match(
    gone.err,
    /^no watchdog answers at 127\.0\.0\.1 port \d+: .*\. Is it running, and are HOST and/,
  );
});

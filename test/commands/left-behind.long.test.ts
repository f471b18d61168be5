/** A watchdog that is killed leaves its processes running: the next one takes them over, and starts none beside them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { systemClock } from "../../src/system/clock.ts";
import { openWorkshop, type Run, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

const skip = existsSync("/proc/self/stat") ? false : "there is no /proc here";
const NAMES = ["constructor", "feed", "orders"];

/** Answers on its port with its number; its only arguments are the port and a mark to find it by. */
const PROGRAM = `
const [port] = process.argv.slice(2);
require("node:http").createServer((_, response) => response.end(String(process.pid))).listen(+port, "127.0.0.1");
`;

interface Town {
  env: Record<string, string>;
  /** Numbers of all processes of a service, however they came to be. */
  copies(name: string): number[];
  /** Which process answers for a service; 0 when none does. */
  who(name: string): Promise<number>;
  /** Resolves when every service is healthy and answers. */
  well(watchdog: { url: string }): Promise<void>;
  configure(names: readonly string[]): Promise<void>;
}

/** `wiper`: the service whose program loses the mark in its environment. */
async function town(t: TestContext, word: string, wiper = "orders"): Promise<Town> {
  const folder = shop.folder;
  const program = join(folder, "program.cjs");
  await writeFile(program, PROGRAM);
  const ports = new Map<string, number>();
  for (const name of NAMES) ports.set(name, await freePort());
  const markOf = (name: string) => `${word}-${name}-of-${process.pid}`;
  const config = join(folder, `${word}.town.json`);
  async function configure(names: readonly string[]) {
    const services = names.map((name) => {
      const port = ports.get(name)!;
      // Without its mark in the environment, as a program that writes its title over it.
      const clean = ["-i", `PATH=${process.env.PATH}`, process.execPath];
      const asked = ["run", "-A", "--no-check"].filter(() => "Deno" in globalThis);
      const args = [...asked, program, String(port), markOf(name)];
      return [
        name,
        {
          url: `http://127.0.0.1:${port}/`,
          interval: "100ms",
          timeout: "5s",
          failureThreshold: 1,
          startPeriod: "10s",
          restarter: "process",
          process:
            name === wiper
              ? { command: "env", args: [...clean, ...args], stopTimeout: "2s" }
              : { command: process.execPath, args, stopTimeout: "2s" },
        },
      ] as const;
    });
    await writeFile(
      config,
      JSON.stringify({ services: Object.fromEntries(services), plugins: { process: {} } }),
    );
  }
  await configure(NAMES);
  const copies = (name: string) => livingWith(markOf(name));
  t.after(() => {
    for (const name of NAMES) for (const pid of copies(name)) process.kill(pid, "SIGKILL");
  });
  const who = async (name: string) => {
    const answer = await fetch(`http://127.0.0.1:${ports.get(name)}/`).catch(() => undefined);
    return Number(await answer?.text());
  };
  return {
    env: { WATCHDOG_CONFIG: config, STATE_FILE: join(folder, `${word}-state.json`) },
    copies,
    who: async (name) => (await who(name)) || 0,
    configure,
    async well({ url }) {
      for (;;) {
        const { services, last_tick } = await (await fetch(`${url}/status`)).json();
        const statuses = Object.values<{ status: string }>(services).map(({ status }) => status);
        if (last_tick && statuses.every((status) => status === "healthy")) return;
        await systemClock.wait(50);
      }
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}

/** Numbers of running processes with this word among their arguments. */
function livingWith(word: string): number[] {
  const numbers = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return numbers.map(Number).filter((pid) => {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      return args.includes(word) && !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false;
    }
  });
}

async function kill(watchdog: Run): Promise<void> {
  process.kill(watchdog.child.pid!, "SIGKILL");
  await watchdog.exit;
}

test("after five SIGKILLs there is one copy of each process, still the first, and it is looked after", {
  skip,
}, async (t) => {
  const { env, copies, who, well } = await town(t, "five");
  let watchdog = await shop.serving("five", env);
  await well(watchdog);
  const first = await Promise.all(NAMES.map(who));
  for (let kills = 0; kills < 5; kills++) {
    await kill(watchdog);
    watchdog = await shop.serving("five", env);
    await well(watchdog);
    assert.deepEqual(
      NAMES.map(copies),
      first.map((pid) => [pid]),
      `after ${kills + 1} kills`,
    );
  }
  // One that is taken over is found down, ended if need be, and started anew.
  const [crashed, asked] = first;
  process.kill(crashed!, "SIGKILL");
  const answer = await fetch(`${watchdog.url}/services/${NAMES[1]}/restart?force=1`, { method: "POST" });
  assert.equal(answer.status, 200);
  let now = first;
  do now = await Promise.all(NAMES.map(who));
  while ([0, crashed].includes(now[0]) || [0, asked].includes(now[1]));
  await well(watchdog);
  assert.deepEqual(
    NAMES.map(copies),
    now.map((pid) => [pid]),
  );
  assert.equal(now[2], first[2]);
  watchdog.signal("SIGTERM");
  assert.equal(await watchdog.exit, 0);
  assert.deepEqual(NAMES.map(copies), [[], [], []], "they end with the watchdog");
});

test("killed while it starts them, whatever was written down: never two copies", { skip }, async (t) => {
  // One that is killed before it is written down is found only by its mark.
  const { env, copies } = await town(t, "early", "");
  const all = () => NAMES.map(copies);
  const first = await shop.serving("early", env);
  while (all().flat().length === 0) await systemClock.wait(1);
  await kill(first);
  const started = all();
  for (let kills = 1; kills <= 4; kills++) {
    const next = await shop.serving("early", env);
    await systemClock.wait(kills * 60);
    await kill(next);
    for (const [index, found] of all().entries()) {
      assert.ok(found.length <= 1, `${NAMES[index]} after ${kills} kills: ${found}`);
      if (started[index]!.length > 0) assert.deepEqual(found, started[index], NAMES[index]!);
    }
  }
  const last = await shop.serving("early", env);
  last.signal("SIGTERM");
  assert.equal(await last.exit, 0);
  assert.deepEqual(all(), [[], [], []], last.err());
});

test("a service that is no longer in the configuration does not leave its process behind", {
  skip,
}, async (t) => {
  const { env, copies, well, configure } = await town(t, "gone");
  const watchdog = await shop.serving("gone", env);
  await well(watchdog);
  await kill(watchdog);
  await configure(["feed"]);
  const next = await shop.serving("gone", env);
  assert.deepEqual(
    NAMES.map((name) => copies(name).length),
    [0, 1, 0],
  );
  assert.match(
    next.err(),
    /process \d+ was ended: it was started for orders, which is no longer in the config/,
  );
  next.signal("SIGTERM");
  assert.equal(await next.exit, 0);
});

test("a one-shot tick leaves what it started to the next one", { skip }, async (t) => {
  const { env, copies, who } = await town(t, "tick");
  for (let ticks = 0; ticks < 3; ticks++) {
    const tick = shop.run(["tick"], env);
    assert.equal(await tick.exit, 0, tick.err());
    for (const name of NAMES) while ((await who(name)) === 0) await systemClock.wait(20);
    assert.deepEqual(
      NAMES.map((name) => copies(name).length),
      [1, 1, 1],
      `after ${ticks + 1} ticks`,
    );
  }
});

/** Seeded random peers: whatever they do, each check ends in its time with a verdict that fits what they said. */
import assert from "node:assert/strict";
import type net from "node:net";
import { test } from "node:test";
import { draw } from "../../src/core/seeded-random.ts";
import { ask } from "./http-check.ts";
import { peer, tcpCheck } from "./tcp-peers.ts";
import { until } from "./until.ts";

const PEERS = 200;
const AT_ONCE = 20;
const TIMEOUT_MS = 1500;
/** For a machine with two busy cores. */
const SLACK_MS = 8000;
const WANTED = "+READY";
const MAX_BYTES = 64 * 1024;

type End = "stays" | "closes" | "resets" | "floods";
interface Script {
  seed: number;
  pieces: Buffer[];
  waitMs: number;
  end: End;
  options: { expect?: string; send?: string };
}

function scriptOf(seed: number): Script {
  let drawn = 0;
  const random = () => draw(`tcp-${seed}-${drawn++}`);
  const pick = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)]!;
  const said = Buffer.concat(
    Array.from({ length: Math.floor(random() * 4) }, () => {
      const rubbish = Buffer.from(Array.from({ length: Math.floor(random() * 40) }, () => random() * 256));
      return pick([rubbish, Buffer.from(WANTED), Buffer.from(WANTED.slice(0, 4)), Buffer.alloc(70_000, "x")]);
    }),
  );
  const pieces: Buffer[] = [];
  for (let at = 0; at < said.length; ) {
    const size = said.length > 1000 ? 30_000 : 1 + Math.floor(random() * 20);
    pieces.push(said.subarray(at, at + size));
    at += size;
  }
  const options = { ...(random() < 0.7 && { expect: WANTED }), ...(random() < 0.3 && { send: "HELLO\r\n" }) };
  return {
    seed,
    pieces,
    waitMs: pick([0, 0, 1, 5]),
    end: pick(["stays", "closes", "resets", "floods"]),
    options,
  };
}

const play =
  ({ pieces, waitMs, end }: Script) =>
  async (socket: net.Socket) => {
    socket.resume();
    for (const piece of pieces) {
      if (socket.destroyed) return;
      socket.write(piece);
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    if (end === "closes") socket.end();
    if (end === "resets") socket.resetAndDestroy();
    const pour = () => {
      while (!socket.destroyed && socket.write(Buffer.alloc(MAX_BYTES, "y")));
    };
    if (end === "floods") socket.on("drain", pour) && pour();
  };

/** What must come of it; `undefined` where it depends on who is faster. */
function expected({ pieces, end, options }: Script): boolean | undefined {
  const said = Buffer.concat(pieces).subarray(0, MAX_BYTES);
  const isSaid = said.includes(WANTED);
  if (options.expect !== undefined && !isSaid) return false;
  if (end === "resets") return undefined;
  if (options.expect !== undefined) return true;
  return said.length > 0 || end !== "closes";
}

const REASONS =
  /^(connected in \d+ ms|answered as expected in \d+ ms|no answer in 1\.5 s|connection (closed|reset) (before an answer|at once: .*)|answer ".*" does not contain "\+READY"( in 1\.5 s| in its first 64 KiB|, and the connection was reset)?)$/;

test(`${PEERS} random peers`, { timeout: 180_000 }, async () => {
  const check = tcpCheck();
  const wrong: string[] = [];
  for (let from = 0; from < PEERS; from += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, i) => {
        const script = scriptOf(from + i);
        const server = await peer(play(script));
        const { result, tookMs } = await ask(check, server.url, {
          timeoutMs: TIMEOUT_MS,
          options: script.options,
        });
        const right = expected(script) ?? result.ok;
        const isKnown = REASONS.test(result.reason) && !/[\p{Cc}\p{Cf}]/u.test(result.reason);
        if (result.ok !== right || !isKnown || "unknown" in result || tookMs > SLACK_MS) {
          wrong.push(`seed ${script.seed}: ${JSON.stringify(result)} after ${tookMs} ms, not ${right}`);
        }
        await server.close();
      }),
    );
  }
  assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} are wrong`);
  if ("Deno" in globalThis) return;
  await until(() => process.getActiveResourcesInfo().filter((one) => one.startsWith("TCP")).length === 0);
});

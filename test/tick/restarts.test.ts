/** Restarts of containers that two services name in turn, because of a reload. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { words } from "../../src/core/words.ts";
import type { Check, Ports, Restarter, RestartResult } from "../../src/plugin.ts";
import { createRestarts } from "../../src/tick/restarts.ts";
import { policy } from "../core/drive.ts";
import { createFakeClock } from "../simulation/clock.ts";
import { wiredAs } from "./harness.ts";

test("a container gets one command at a time, also when its service was renamed meanwhile", async () => {
  const quiet = () => {};
  const clock = createFakeClock(0);
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const ports: Ports = { clock, log, random: () => 0.5, env: {}, redact: (text) => text };
  const happened: string[] = [];
  let end: (result: RestartResult) => void = quiet;
  const restarter: Restarter = {
    name: "fake",
    async restart({ name }, _, mayAct) {
      if (!(await mayAct())) return { ok: false, reason: "nothing was done" };
      happened.push(`restart ${name}`);
      return new Promise((resolve) => {
        end = resolve;
      });
    },
  };
  const check: Check = { name: "fake", run: async () => ({ ok: true, reason: "" }) };
  const restarts = createRestarts({
    maxConcurrent: () => 4,
    ports,
    ending: new AbortController().signal,
    mayAct: async () => undefined,
    settled: async ({ service }, { outcome }) => void happened.push(`${service} ${outcome}`),
    withheld: async ({ service }, why) => void happened.push(`${service} withheld: ${why}`),
    kept: quiet,
  });
  const job = (service: string, id: string) => ({
    order: { id, service, incident: "", action: "restart" as const, reason: "" },
    wired: wiredAs(policy(service, { container: "app" }), check, restarter),
  });
  void restarts.run(job("old", "1"));
  await clock.settle();
  await restarts.run(job("new", "2"));
  end({ ok: true, reason: "" });
  await restarts.idle();
  void restarts.run(job("new", "3"));
  await clock.settle();
  assert.deepEqual(happened, [
    "restart old",
    `new withheld: ${words.restartUnderWay}`,
    "old restarted",
    "restart new",
  ]);
});

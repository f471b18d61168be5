import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServicePolicy } from "../../src/core/policy.ts";
import { play, policy } from "./drive.ts";

/** [what it shows, policy, checks and outcomes, the life that follows] */
const LIVES: [string, Partial<ServicePolicy>, string, string][] = [
  ["a passed check makes it healthy", {}, "p", "healthy"],
  [
    "one blip is failing, then recovered by itself",
    {},
    "pfp",
    "healthy failing healthy+RECOVERED/recovery/1",
  ],
  ["the third failure in a row restarts", {}, "pfff", "healthy failing failing restarting+restart"],
  ["a service that was never seen healthy is restarted too", {}, "fff", "failing failing restarting+restart"],
  [
    "a pass in between counts afresh",
    {},
    "ffpff",
    "failing failing healthy+RECOVERED/recovery/2 failing failing",
  ],
  [
    "a recovery is told after a passed check, not after an exit code",
    {},
    "fffRp",
    "failing failing restarting+restart verifying healthy+RECOVERED/restart/3",
  ],
  [
    "a restart that fails is told at once",
    {},
    "fffX",
    "failing failing restarting+restart down+DOWN/restart/3",
  ],
  [
    "a restart that did not help is told at the threshold, and the next one is made",
    {},
    "fffRfff",
    "failing failing restarting+restart verifying verifying verifying restarting+DOWN/restart/3,restart",
  ],
  [
    "an outage is told once, whatever else fails in it, and resolved once",
    {},
    "fffXfXffRp",
    "failing failing restarting+restart down+DOWN/restart/3 restarting+restart down down restarting+restart verifying healthy+RECOVERED/restart/6",
  ],
  [
    "with no container there is nothing to restart, and that is told once",
    { container: "" },
    "ffffp",
    "failing failing down+DOWN/none/3 down healthy+RECOVERED/recovery/4",
  ],
  ["action notify only tells", { action: "notify" }, "ffff", "failing failing down+DOWN/none/3 down"],
  ["action none does and says nothing", { action: "none" }, "fffp", "failing failing down healthy"],
  [
    "action stop stops once and leaves it stopped",
    { action: "stop" },
    "fffRfff",
    "failing failing restarting+stop down+DOWN/stop/3 down down down",
  ],
  [
    "a dry run tells, and restarts nothing",
    { dryRun: true },
    "ffff",
    "failing failing down+DOWN/none/3 down",
  ],
  ["an unknown check counts as nothing", {}, "ff??f", "failing failing failing failing restarting+restart"],
  [
    "checks under way during a restart change nothing",
    {},
    "fffpf",
    "failing failing restarting+restart restarting restarting",
  ],
  [
    "an unknown outcome is verified, not repeated at once",
    {},
    "fffUf fff ff p",
    "failing failing restarting+restart verifying verifying verifying verifying restarting+DOWN/restart/3,restart restarting restarting restarting",
  ],
  [
    "a restart found at load is unknown, and not repeated",
    {},
    "fffLp",
    "failing failing restarting+restart verifying healthy+RECOVERED/recovery/3",
  ],
  ["a load in a quiet time changes nothing", {}, "pLfL", "healthy healthy failing failing"],
  [
    "a fall threshold of 1 restarts at the first failure",
    { failureThreshold: 1 },
    "pf",
    "healthy restarting+restart",
  ],
  [
    "a rise threshold asks for as many passes in a row",
    { successThreshold: 2 },
    "fffRpfpp",
    "failing failing restarting+restart verifying verifying verifying verifying healthy+RECOVERED/restart/3",
  ],
  [
    "small blips can be kept quiet",
    { recoveryAfter: 2 },
    "fpffp",
    "failing healthy failing failing healthy+RECOVERED/recovery/2",
  ],
  [
    "reminders repeat a told outage, no more often than asked",
    { action: "notify", remindEveryMs: 30_000 },
    "ffffffp",
    "failing failing down+DOWN/none/3 down down+DOWN/none/5 down healthy+RECOVERED/recovery/6",
  ],
];

for (const [name, changes, letters, life] of LIVES) {
  test(name, () => {
    assert.equal(play(policy("executor", changes), letters).life, life);
  });
}

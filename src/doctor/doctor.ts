/** Everything that is examined: a table. Nothing is restarted, sent or saved. */
import type { Config } from "../config/config.ts";
import type { Ports } from "../plugin/contract.ts";
import type { Finding } from "../plugin/examination.ts";
import type { Registry } from "../plugin/registry.ts";
import { noticesOf } from "../preflight.ts";
import { withDeadline } from "../system/clock.ts";
import { errorText } from "../system/log.ts";
import type { Configured } from "../tick/roster.ts";
import { judgeClock } from "./clock.ts";
import type { Examined, Found } from "./finding.ts";
import { type AskReadiness, examinePort } from "./port.ts";
import { examineReceivers } from "./receivers.ts";
import { clockOfState, examineDisk, examineLock } from "./state.ts";
import { summaryOf, survey } from "./survey.ts";

/** Nothing takes as long as this, unless it hangs. */
const LONGEST_MS = 12_000;

interface World extends Configured {
  ports: Ports;
  /** Who needs the answer of another examination awaits it. */
  surveyed: ReturnType<typeof survey>;
  receivers: ReturnType<typeof examineReceivers>;
  port: ReturnType<typeof examinePort>;
}

const EXAMINATIONS: readonly [about: string, (world: World) => Promise<readonly Found[]>][] = [
  ["services", async ({ registry, surveyed }) => servicesOf(await surveyed, registry)],
  [
    "restarts",
    async ({ config, registry, surveyed }) => [
      ...dryRun(config, registry),
      ...(await engines(registry, (await surveyed).config)),
    ],
  ],
  ["alerts", async ({ receivers }) => (await receivers).found],
  ["schedule", async ({ config, registry }) => schedule(config, registry)],
  [
    "clock",
    async ({ config, ports, receivers }) => {
      const clockAt = await clockOfState(config.stateFile);
      return judgeClock((await receivers).dates, clockAt, ports.clock.now());
    },
  ],
  ["disk", async ({ config }) => examineDisk(config.stateFile)],
  [
    "state",
    async ({ config, ports, port }) =>
      examineLock(config.stateFile, (await port).isRunning, ports.clock.now()),
  ],
  ["port", async ({ port }) => (await port).found],
];

/** Never rejects, and ends within 12 s. */
export async function examine(configured: Configured, ports: Ports, ask: AskReadiness): Promise<Examined[]> {
  const { config, registry } = configured;
  const world: World = {
    ...configured,
    ports,
    surveyed: survey(configured, ports),
    receivers: examineReceivers(registry, ports),
    port: examinePort(config, ask),
  };
  const all = EXAMINATIONS.map(async ([about, run]): Promise<Examined[]> => {
    let found: readonly Found[] = [
      { level: "wrong", text: `no answer in ${LONGEST_MS / 1000} s`, todo: "look at the load of this host" },
    ];
    const work = run(world).catch((error): Found[] => [
      { level: "wrong", text: `an error of ours: ${errorText(error)}`, todo: "report it" },
    ]);
    await withDeadline(
      ports.clock,
      LONGEST_MS,
      work.then((all) => (found = all)),
    );
    return found.map(({ level, text, todo }) => ({
      about,
      level,
      text: ports.redact(text),
      ...(todo === undefined ? {} : { todo: ports.redact(todo) }),
    }));
  });
  return (await Promise.all(all)).flat();
}

function servicesOf({ config, notices }: Awaited<ReturnType<typeof survey>>, registry: Registry): Found[] {
  // Whoever examines an engine says what is wrong with it.
  const isExamined = [...registry.restarters.values()].every(({ inspect, examine }) => !inspect || examine);
  const isNone = config.services.size === 0;
  return [
    isNone
      ? {
          level: "wrong",
          text: "nothing is watched",
          todo: "list services, or let them be found (docs/discovery.md)",
        }
      : { level: "ok", text: summaryOf(config) },
    ...notices
      .filter(({ about }) => about !== "engine" || !isExamined)
      .map(({ level, text }): Found => ({ level: level === "warn" ? "wrong" : "ok", text })),
  ];
}

const asFound = ({ ok, text, todo }: Finding): Found => ({
  level: ok ? "ok" : "wrong",
  text,
  ...(todo === undefined ? {} : { todo }),
});

/** Those that some service needs. */
async function engines(registry: Registry, { services, targets }: Config): Promise<Found[]> {
  const found = [...registry.restarters.values()].map(async (restarter) => {
    const its = [...services.values()].filter(({ name }) => targets.get(name)!.restarter === restarter.name);
    if (its.length === 0 || restarter.examine === undefined) return [];
    const containers = its.flatMap(({ container }) => (container === "" ? [] : [container]));
    return (await restarter.examine(containers, AbortSignal.timeout(LONGEST_MS))).map(asFound);
  });
  return (await Promise.all(found)).flat();
}

function dryRun(config: Config, registry: Registry): Found[] {
  return noticesOf(config, registry, "")
    .filter(({ about }) => about === "dry run")
    .map(({ text }): Found => ({ level: "warn", text }));
}

function schedule(config: Config, registry: Registry): Found[] {
  const { host, port } = config;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const off = noticesOf(config, registry, url).filter(({ about }) => about === "schedule");
  if (off.length === 0) return [{ level: "ok", text: "the internal cron ticks" }];
  return off.map(({ text }): Found => ({ level: "warn", text }));
}

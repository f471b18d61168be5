/** What the state of a container means for its service. Pure; texts are as the engine gave them. */
import type { CheckResult, ContainerFacts } from "../../src/plugin.ts";
import type { Loop } from "./crash-loop.ts";
import type { Inspected } from "./facts.ts";
import { showS } from "./fault.ts";

/** What a container must be; unless said, healthy where it has a HEALTHCHECK, and else running. */
export type Require = "healthy" | "running";

export function wellness(container: Inspected, loop: Loop | undefined, require?: Require): CheckResult {
  const { facts, health } = container;
  if (loop) {
    const { restarts, withinMs } = loop;
    const last = facts.exitCode === 0 && !facts.oomKilled ? "" : `; last time it ${ended(facts)}`;
    const loops = `restarted by the engine ${restarts} times in ${showS(withinMs)}: a crash loop`;
    return { ok: false, reason: loops + last };
  }
  if (facts.status !== "running") return { ok: false, reason: notRunning(facts) };
  if (require === "running" || (require === undefined && health === undefined)) {
    return { ok: true, reason: "running" };
  }
  switch (health) {
    case "healthy":
      return { ok: true, reason: "healthy by its HEALTHCHECK" };
    case "unhealthy":
      return {
        ok: false,
        reason: `unhealthy by its HEALTHCHECK: ${container.healthLog.at(-1) ?? "it says nothing"}`,
      };
    case undefined:
      return unknown("it has no HEALTHCHECK to be healthy by: give it one, or set docker.require to running");
    default:
      return unknown(`its HEALTHCHECK is still ${health}`);
  }
}

function unknown(reason: string): CheckResult {
  return { ok: false, unknown: true, reason };
}

function notRunning(facts: ContainerFacts): string {
  const { status, restartCount } = facts;
  switch (status) {
    case "exited":
    case "dead":
      return status === "dead" ? `dead: ${ended(facts)}` : ended(facts);
    case "restarting":
      return `the engine is about to restart it, for the ${ordinal(restartCount + 1)} time: ${ended(facts)}`;
    case "paused":
      return "paused (`docker unpause` ends it)";
    case "created":
      return `created, and not started${facts.error === "" ? "" : `: ${facts.error}`}`;
    default:
      return status === "" ? "in no state that is known" : status;
  }
}

function ended({ exitCode, oomKilled, error }: ContainerFacts): string {
  const why = [oomKilled ? "OOMKilled: raise the memory limit" : "", error].filter((text) => text !== "");
  return [`exited with code ${exitCode}`, ...why].join(": ");
}

function ordinal(n: number): string {
  const tens = n % 100;
  const end = tens >= 11 && tens <= 13 ? "th" : ({ 1: "st", 2: "nd", 3: "rd" }[n % 10] ?? "th");
  return `${n}${end}`;
}

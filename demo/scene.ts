/** One breakage: breaks the service, waits until the watchdog has healed it, and judges what was seen. */
import type { Alert } from "../src/core/alert.ts";
import type { Scene } from "./acts.ts";
import type { Observer } from "./observer.ts";
import type { ServiceStatus, Stage, Who } from "./stage.ts";

/** Three checks at 1 s, a stop timeout of 1 s, a start and a passed check take 6 s. */
const PATIENCE_MS = 30_000;

export interface SceneResult {
  scene: Scene;
  /** From the breakage to the first failed check; all times in ms. */
  foundMs?: number;
  /** To the order to restart. */
  restartedMs?: number;
  /** To the last passed check of those that were hurt. */
  healedMs?: number;
  restarted: string[];
  alerts: Alert[];
  /** What was not as it should be; empty when all was. */
  faults: string[];
}

export async function playScene(
  stage: Stage,
  observer: Observer,
  scene: Scene,
  brokenAt: number,
  stopped: AbortSignal,
): Promise<SceneResult> {
  const names = Object.keys(stage.act.roles);
  const before = await whoAreThey(stage, names);
  const alertsBefore = stage.receiver.received.length;
  const failuresBefore = new Map(names.map((name) => [name, observer.failedAt.get(name)?.length ?? 0]));
  const newFailures = (name: string) => observer.failedAt.get(name)?.slice(failuresBefore.get(name)) ?? [];
  const services = () => observer.status?.services ?? {};
  const alerts = () => stage.receiver.received.slice(alertsBefore);
  const told = scene.restarted.length > 0 ? scene.restarted : scene.hurt;
  await stage.break(scene);

  /** What is still missing; empty when the scene is over. */
  function missing(): string[] {
    const gone: string[] = [];
    for (const name of scene.hurt) {
      const { displayName } = stage.act.roles[name]!;
      if (newFailures(name).length === 0) gone.push(`no failed check of ${displayName}`);
      else if (!isWell(services()[name])) gone.push(`${displayName} is not healthy again`);
    }
    for (const name of told) {
      const heard = alerts().some(({ alert }) => isRecovery(alert, name));
      if (!heard) gone.push(`no COMPONENT_RECOVERED for ${stage.act.roles[name]!.displayName}`);
    }
    const waiting = observer.status?.outbox.pending ?? 0;
    if (waiting > 0) gone.push(`${waiting} alerts are still on their way`);
    return gone;
  }

  const deadline = Date.now() + PATIENCE_MS;
  while (missing().length > 0 && Date.now() < deadline && !stopped.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const after = await whoAreThey(stage, names);
  const restarted = names.filter(
    (name) => after.has(name) && before.get(name)?.since !== after.get(name)?.since,
  );
  const firstFailure = Math.min(...scene.hurt.flatMap(newFailures));
  const cause = services()[scene.service];
  const orderedAt = restarted.includes(scene.service)
    ? Date.parse(cause?.last_restart?.at ?? "")
    : Number.NaN;
  const lastPass = Math.max(...scene.hurt.map((name) => Date.parse(services()[name]?.since ?? "")));
  return {
    scene,
    ...sinceBreak("foundMs", firstFailure, brokenAt),
    ...sinceBreak("restartedMs", orderedAt, brokenAt),
    ...sinceBreak("healedMs", missing().length === 0 ? lastPass : Number.NaN, brokenAt),
    restarted,
    alerts: alerts().map(({ alert }) => alert),
    faults: [
      ...missing().map((what) => `after ${PATIENCE_MS / 1000} s: ${what}`),
      ...restartFaults(stage, scene, restarted),
      ...alertFaults(stage, alerts(), told),
    ],
  };
}

function sinceBreak(key: "foundMs" | "restartedMs" | "healedMs", at: number, brokenAt: number) {
  return Number.isFinite(at) ? { [key]: at - brokenAt } : {};
}

async function whoAreThey(stage: Stage, names: readonly string[]): Promise<Map<string, Who>> {
  const found = new Map<string, Who>();
  for (const name of names) {
    const who = await stage.who(name).catch(() => undefined);
    if (who) found.set(name, who);
  }
  return found;
}

function isWell(service: ServiceStatus | undefined): boolean {
  return service?.status === "healthy" && service.last_check?.ok === true;
}

function isRecovery({ event_type, params }: Alert, name: string): boolean {
  return event_type === "COMPONENT_RECOVERED" && params.component_name === name && params.success;
}

/** By the processes themselves, not by what the watchdog says of them. */
function restartFaults(stage: Stage, scene: Scene, restarted: readonly string[]): string[] {
  const nameOf = (name: string) => stage.act.roles[name]!.displayName;
  return [
    ...scene.restarted
      .filter((name) => !restarted.includes(name))
      .map((name) => `${nameOf(name)} was not restarted`),
    ...restarted
      .filter((name) => !scene.restarted.includes(name))
      .map((name) => `${nameOf(name)} was restarted without need`),
  ];
}

function alertFaults(
  stage: Stage,
  received: Stage["receiver"]["received"],
  told: readonly string[],
): string[] {
  const faults: string[] = [];
  const ids = new Set<string>();
  for (const { alert, verified } of received) {
    if (!verified) faults.push(`the signature of ${alert.id} is wrong`);
    if (ids.has(alert.id)) faults.push(`${alert.id} arrived twice`);
    ids.add(alert.id);
    const name = alert.params.component_name;
    if (!told.some((one) => isRecovery(alert, one))) {
      faults.push(
        `an alert that need not be: ${alert.event_type} of ${stage.act.roles[name]?.displayName ?? name}`,
      );
    }
  }
  return faults;
}

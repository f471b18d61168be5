/** Watches `/status`, the log and the receiver, and tells the narrator what changed. */
import type { Happening } from "./narrator.ts";
import type { Received } from "./receiver.ts";
import type { LogLine, ServiceStatus, Stage, Status } from "./stage.ts";

const LOOK_EVERY_MS = 50;

export interface Observer {
  /** What `/status` said last. */
  readonly status: Status | undefined;
  /** Failed checks so far, by service: ms since the epoch, oldest first. */
  readonly failedAt: ReadonlyMap<string, number[]>;
  end(): Promise<void>;
}

export function observe(stage: Stage, tell: (happening: Happening) => void): Observer {
  let status: Status | undefined;
  let over = false;
  const failedAt = new Map<string, number[]>();

  async function look(): Promise<void> {
    while (!over) {
      const next = await stage.status().catch(() => undefined);
      if (next) {
        for (const [name, service] of Object.entries(next.services)) {
          compare(name, status?.services[name], service);
        }
        status = next;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  function compare(name: string, before: ServiceStatus | undefined, now: ServiceStatus): void {
    const { displayName } = stage.act.roles[name]!;
    if (now.last_check && now.last_check.at !== before?.last_check?.at) {
      const { at, ok, reason } = now.last_check;
      const check = { at: Date.parse(at!), source: "check" as const };
      if (ok === false) {
        failedAt.set(name, [...(failedAt.get(name) ?? []), check.at]);
        // Right after a restart the count is 0 again: then this was the last check before it.
        const count = now.failures || (before?.failures ?? 0) + 1;
        tell({ ...check, mark: "✖", colour: "red", text: `${displayName}: ${reason} (${count} in a row)` });
      } else if (ok && before?.last_check?.ok === false) {
        tell({ ...check, mark: "✔", colour: "green", text: `${displayName}: ${reason}` });
      }
    }
  }

  const looking = look();
  return {
    get status() {
      return status;
    },
    failedAt,
    async end() {
      over = true;
      await looking;
    },
  };
}

/** A line of the log. Those about alerts and checks are left out: the receiver and `/status` tell of them. */
export function ofLog({ time, level, message, event_type, topic }: LogLine): Happening | undefined {
  if (event_type !== undefined || topic === "failing" || topic === "healthy") return undefined;
  const [mark, colour] =
    level === "error"
      ? (["✖", "red"] as const)
      : level === "warn"
        ? (["!", "yellow"] as const)
        : (["·", "cyan"] as const);
  return { at: Date.parse(time), source: "log", mark, colour, text: message };
}

export function ofAlert({ alert, verified }: Received): Happening {
  const good = alert.severity === "INFO";
  const signature = verified ? "signature verified" : "SIGNATURE WRONG";
  const text = `${alert.event_type}: "${alert.message}" [${signature}]`;
  const mark = verified ? (good ? "✔" : "✖") : "✖";
  return {
    at: Date.parse(alert.timestamp),
    source: "alert",
    mark,
    colour: good && verified ? "green" : "red",
    text,
  };
}

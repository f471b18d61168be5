/** The end of the demo: one line for each incident, and whether everything was as it should be. */
import { counted } from "../src/core/phrases.ts";
import { faultLine, paint, seconds } from "./paint.ts";
import type { SceneResult } from "./scene.ts";
import type { Stage } from "./stage.ts";

export interface ActResult {
  scenes: SceneResult[];
  received: number;
  verified: number;
  faults: string[];
}

/** The outbox's own count against what arrived: an alert that is still on its way, or dead, is not delivered. */
export async function endOfAct(stage: Stage, scenes: SceneResult[]): Promise<ActResult> {
  const { received } = stage.receiver;
  const { outbox, troubles } = await stage.status();
  const faults = troubles.map(({ reason }) => `the watchdog is in trouble: ${reason}`);
  if (outbox.pending + outbox.dead > 0) {
    faults.push(`${outbox.pending} alerts are still waiting, ${outbox.dead} could not be delivered`);
  }
  if (outbox.sent !== received.length) {
    faults.push(`the watchdog counts ${outbox.sent} alerts sent, the receiver ${received.length}`);
  }
  return {
    scenes,
    received: received.length,
    verified: received.filter((one) => one.verified).length,
    faults,
  };
}

const WIDTHS = [18, 8, 11, 11, 11] as const;

/** Times are counted from the breakage. */
export function summary(acts: readonly ActResult[], took: string): string[] {
  const scenes = acts.flatMap((act) => act.scenes);
  const faults = acts.flatMap((act) => [...act.scenes.flatMap((scene) => scene.faults), ...act.faults]);
  const row = (cells: readonly string[]) => cells.map((cell, i) => cell.padEnd(WIDTHS[i] ?? 0)).join("");
  const rows = scenes.map((result) => {
    const mark = result.faults.length === 0 ? paint("green", "✔") : paint("red", "✖");
    return `  ${mark} ${row(cellsOf(result))}`;
  });
  const sum = (of: (act: ActResult) => number) => acts.reduce((total, act) => total + of(act), 0);
  const restarts = scenes.reduce((total, { restarted }) => total + restarted.length, 0);
  const healed = scenes.filter((result) => result.healedMs !== undefined).length;
  const received = sum((act) => act.received);
  const alerts = `${counted(received, "alert")} received, ${sum((act) => act.verified)} with a verified signature`;
  return [
    `    ${paint("dim", row(["broken", "how", "found", "restarted", "healthy", "told"]))}`,
    ...rows,
    "",
    `  ${healed} of ${counted(scenes.length, "incident")} healed with ${counted(restarts, "restart")}, in ${took}.`,
    `  ${alerts}${faults.length === 0 ? "; none lost, none needless" : ""}.`,
    ...faults.map(faultLine),
  ];
}

/** What somebody does who has seen enough. */
export const NEXT = [
  `  ${paint("bold", "Next: watch your own services")}`,
  "    cp watchdog.config.example.yaml watchdog.config.yaml  # name them in it",
  "    DRY_RUN=true npm start                                # restarts nothing",
  "    npm start                                             # heals them",
  "  To run it for good, with Docker or without: docs/operations.md",
];

function cellsOf({ scene, foundMs, restartedMs, healedMs, restarted, alerts }: SceneResult): string[] {
  const after = (ms: number | undefined) => (ms === undefined ? "never" : `+${seconds(ms)}`);
  const names = scene.service.split("_").map((word) => word[0]!.toUpperCase() + word.slice(1));
  const events = alerts.map(({ event_type }) => event_type.replace("COMPONENT_", ""));
  return [
    names.join(" "),
    scene.mode,
    after(foundMs),
    restarted.length === 0 ? "not at all" : after(restartedMs),
    after(healedMs),
    events.join(", "),
  ];
}

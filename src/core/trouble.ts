/** What keeps the watchdog itself from doing its job. It is told once when it begins, and once when it is over. */
import { tellTroubleBegan, tellTroubleEnded } from "./alerting.ts";
import { type Draft, note } from "./context.ts";
import { record } from "./record.ts";
import { outOfReach } from "./state.ts";
import type { Trouble, TroubleId, TroubleKind } from "./trouble-state.ts";
import { words } from "./words.ts";

/** Whether a trouble ends with the process that had it: the next process finds out for itself. */
const ENDS_WITH_PROCESS: Readonly<Record<TroubleKind, boolean>> = {
  state: false,
  "state-file": true,
  restarter: false,
  sink: true,
  unreachable: false,
  configuration: true,
  discovery: false,
  container: false,
  checks: false,
};

/** `sink:slack` is of the kind `sink`. */
function kindOf(id: TroubleId): TroubleKind {
  const end = id.indexOf(":");
  return (end < 0 ? id : id.slice(0, end)) as TroubleKind;
}

const idsOf = (draft: Draft) => Object.keys(draft.troubles) as TroubleId[];

/** `reason: null`: the trouble is over. `tried`: what the watchdog was doing when it found out. */
export function applyTrouble(draft: Draft, id: TroubleId, reason: string | null, tried: string): void {
  const known = draft.troubles[id];
  if (reason !== null && known === undefined) {
    const trouble = { sinceAt: draft.now, reason };
    if (waits(id)) note(draft, "warn", "", words.troubleBegan(reason));
    const told = waits(id) ? {} : { toldAs: tellTroubleBegan(draft, id, trouble, tried) };
    draft.troubles = record({ ...draft.troubles, [id]: { ...trouble, ...told } });
  } else if (reason === null && known !== undefined) {
    drop(draft, id);
    if (isTold(id, known)) tellTroubleEnded(draft, id, known, tried);
  } else if (reason !== null && known !== undefined && !isTold(id, known)) {
    if (isSilenceTold(draft)) return;
    const toldAs = tellTroubleBegan(draft, id, known, tried);
    draft.troubles = record({ ...draft.troubles, [id]: { ...known, toldAs } });
  } else if (reason !== null && known !== undefined && kindOf(id) === "configuration") {
    // Other faults than before: people look at the latest.
    draft.troubles = record({ ...draft.troubles, [id]: { ...known, reason } });
  }
}

/** The troubles that a silent engine makes. */
const OF_SILENCE = ["discovery", "checks"] as const satisfies readonly TroubleId[];

/** Whether people know that the engine does not answer: it is told once, by whatever notices it first. */
export function isSilenceTold({ brake, troubles }: Pick<Draft, "brake" | "troubles">): boolean {
  if (brake?.kind === "engine" && !brake.silent) return true;
  return OF_SILENCE.some((id) => troubles[id]?.toldAs !== undefined);
}

/**
 * That containers cannot be listed is told at the second look: where the engine is away and something fails, the brake
 * closes before that and tells it.
 */
const waits = (id: TroubleId) => kindOf(id) === "discovery";

/** Troubles of earlier versions do not say how they were told. */
const isTold = (id: TroubleId, { toldAs }: Trouble) => !waits(id) || toldAs !== undefined;

function drop(draft: Draft, id: TroubleId): void {
  const troubles = record(draft.troubles);
  delete troubles[id];
  draft.troubles = troubles;
}

/** Nobody is told about their end: the process that had these troubles is gone. */
export function dropTroublesOfProcess(draft: Draft): void {
  for (const id of idsOf(draft)) if (ENDS_WITH_PROCESS[kindOf(id)]) drop(draft, id);
}

/**
 * Services that are running and that the watchdog cannot reach from where it runs: no restart helps. There is one
 * trouble for each cause, so that people get one alert for each command that they have to run.
 */
export function applyReach(draft: Draft): void {
  const unreached = unreachedByCause(draft);
  for (const id of idsOf(draft)) {
    if (kindOf(id) === "unreachable" && !unreached.has(id)) applyTrouble(draft, id, null, "check");
  }
  for (const [id, { names, reason, isHeld }] of unreached) {
    if (isHeld) applyTrouble(draft, id, words.unreachable(names, reason), "check");
  }
}

/** One check that cannot be made may be an engine that restarts. */
const BLOCKED_CHECKS = 2;

/**
 * Services of which nothing is known, because the engine cannot be asked how they are.
 */
export function applyBlocked(draft: Draft): void {
  const names: string[] = [];
  let reason: string | undefined;
  let isOver = true;
  for (const [name, policy] of draft.policies) {
    const check = draft.services[name]?.lastCheck;
    if (!check?.blocked) continue;
    isOver = false;
    if (check.blocked < BLOCKED_CHECKS) continue;
    names.push(policy.displayName);
    reason ??= check.reason;
  }
  if (isOver) applyTrouble(draft, "checks", null, "check");
  else if (reason !== undefined && !isSilenceTold(draft))
    applyTrouble(draft, "checks", words.blocked(names, reason), "check");
}

interface Unreached {
  reason: string;
  names: string[];
  isHeld: boolean;
}

function unreachedByCause(draft: Draft): Map<TroubleId, Unreached> {
  const unreached = new Map<TroubleId, Unreached>();
  for (const [name, policy] of draft.policies) {
    const service = draft.services[name];
    const why = service && outOfReach(service);
    if (!service || !why) continue;
    const id = `unreachable:${why.cause}` as const;
    const known = unreached.get(id) ?? { reason: why.reason, names: [], isHeld: false };
    known.names.push(policy.displayName);
    // The container may have started or joined the network since the check: wait for the next one.
    known.isHeld ||= service.hold?.kind === "unreachable" && service.hold.sinceAt < draft.now;
    unreached.set(id, known);
  }
  return unreached;
}

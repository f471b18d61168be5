/** What people ask for: pause, resume, restart. Each is kept with its time, its origin and its answer. */
import { order } from "./act.ts";
import type { Draft } from "./draft.ts";
import { note } from "./draft.ts";
import type { OperatorRequest } from "./event.ts";
import { holdNow } from "./holds.ts";
import type { ServicePolicy } from "./policy.ts";
import type { Pause, ServiceState } from "./state.ts";
import { words } from "./words.ts";

const MOST_ACTIONS = 100;

export function operate(draft: Draft, request: OperatorRequest): void {
  const { action, service: name, origin, untilAt, force } = request;
  if (name !== "" && !draft.policies.has(name)) {
    // A name from outside goes into no log and no record.
    draft.effects.push({ type: "answer", done: false, text: words.unknownService(name) });
    return;
  }
  const answer = answerTo(draft, request);
  const { length } = draft.actions;
  draft.actions = [
    ...draft.actions.slice(Math.max(0, length - MOST_ACTIONS + 1)),
    {
      at: draft.now,
      action,
      service: name,
      origin,
      ...(untilAt === undefined ? {} : { untilAt }),
      ...(force ? { forced: true as const } : {}),
      answer: answer.text,
    },
  ];
  note(draft, "warn", name, answer.text);
  draft.effects.push({ type: "answer", ...answer });
}

interface Answer {
  done: boolean;
  text: string;
}

function answerTo(draft: Draft, request: OperatorRequest): Answer {
  const { action, service: name } = request;
  const policy = draft.policies.get(name);
  if (action === "pause") return pause(draft, policy, request);
  if (action === "resume") return resume(draft, policy, request);
  const names = policy === undefined ? [...draft.policies.keys()] : [name];
  const answers = names.map((one) => restart(draft, draft.policies.get(one)!, request));
  return {
    done: answers.some(({ done }) => done),
    text: answers
      .map(({ text }) => text)
      .join("; ")
      .slice(0, 2000),
  };
}

function pause(draft: Draft, policy: ServicePolicy | undefined, request: OperatorRequest): Answer {
  const { origin, untilAt } = request;
  const made: Pause = { sinceAt: draft.now, origin, ...(untilAt === undefined ? {} : { untilAt }) };
  if (policy === undefined) draft.pause = made;
  else draft.services[policy.name] = { ...draft.services[policy.name]!, pause: made };
  return { done: true, text: words.operatorPaused(policy?.displayName ?? "Every service", made) };
}

function resume(draft: Draft, policy: ServicePolicy | undefined, { origin }: OperatorRequest): Answer {
  if (policy === undefined) draft.pause = null;
  for (const name of policy === undefined ? draft.policies.keys() : [policy.name]) {
    const service = draft.services[name];
    if (service) draft.services[name] = { ...afresh(service, draft.now), pause: null };
  }
  return { done: true, text: words.operatorResumed(policy?.displayName ?? "Every service", origin) };
}

/** Backoff and budget as if it had never been restarted. */
export function afresh(service: ServiceState, now: number): ServiceState {
  const held = service.hold?.kind === "budget" || service.hold?.kind === "backoff";
  return {
    ...service,
    backoffLevel: 0,
    notBeforeAt: 0,
    budgetSpentAt: 0,
    budgetFromAt: now,
    hold: held ? null : service.hold,
  };
}

/** Asks the policy unless forced; never begins a second restart while one is under way. */
function restart(draft: Draft, policy: ServicePolicy, { origin, force }: OperatorRequest): Answer {
  const service = draft.services[policy.name];
  const refuse = (why: string): Answer => ({ done: false, text: words.operatorRefused(policy, why) });
  if (service === undefined || service.restart !== null) return refuse(words.alreadyRestarting);
  if (policy.container === "") return refuse(words.nothingToRestartHere);
  const hold = force ? null : holdNow(draft, policy, service);
  if (hold !== null) return refuse(hold.reason);
  const text = words.operatorRestart(policy, origin, force === true);
  const { outage } = service;
  const counted = outage && { ...outage, restarts: outage.restarts + 1 };
  draft.services[policy.name] = order(draft, policy, { ...service, outage: counted }, text, "");
  return { done: true, text };
}

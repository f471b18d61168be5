/** Requests of people: pause, resume, restart. Each is kept with its time, its origin and its answer. */

import type { Draft } from "./context.ts";
import { change, note } from "./context.ts";
import type { OperatorAnswer as Answer, OperatorRequest } from "./event.ts";
import { holdAfter, holdNow } from "./holds.ts";
import type { ServicePolicy } from "./policy.ts";
import { order } from "./restart.ts";
import type { Pause, ServiceState } from "./state.ts";
import { words } from "./words.ts";

const MOST_ACTIONS = 100;

export function operate(draft: Draft, request: OperatorRequest): void {
  const { action, service: name, origin, untilAt, force } = request;
  if (name !== "" && !draft.policies.has(name)) {
    // An unknown name comes from outside: it goes into no log and no record.
    draft.effects.push({ type: "answer", code: "unknown_service", text: words.unknownService(name) });
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

function answerTo(draft: Draft, request: OperatorRequest): Answer {
  const { action, service: name } = request;
  const policy = draft.policies.get(name);
  if (action === "pause") return pause(draft, policy, request);
  if (action === "resume") return resume(draft, policy, request);
  const names = policy === undefined ? [...draft.policies.keys()] : [name];
  const answers = names.map((one) => restart(draft, draft.policies.get(one)!, request));
  return {
    code: answers.some(({ code }) => code === "done") ? "done" : "refused",
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
  else change(draft, policy.name, (_, service) => ({ ...service, pause: made }));
  return { code: "done", text: words.operatorPaused(policy?.displayName ?? "Every service", made) };
}

function resume(draft: Draft, policy: ServicePolicy | undefined, { origin }: OperatorRequest): Answer {
  if (policy === undefined) draft.pause = null;
  for (const name of policy === undefined ? draft.policies.keys() : [policy.name]) {
    change(draft, name, (_, service) => ({ ...afresh(service, draft.now), pause: null }));
  }
  return { code: "done", text: words.operatorResumed(policy?.displayName ?? "Every service", origin) };
}

/** Backoff and budget as if the service had never been restarted. */
export function afresh(service: ServiceState, now: number): ServiceState {
  return {
    ...service,
    backoffLevel: 0,
    notBeforeAt: 0,
    budgetSpentAt: 0,
    budgetFromAt: now,
    hold: holdAfter("resume", service.hold),
  };
}

/** Any hold refuses the request, unless it is forced. A second restart never begins while one is under way. */
function restart(draft: Draft, policy: ServicePolicy, { origin, force }: OperatorRequest): Answer {
  const service = draft.services[policy.name];
  const refuse = (why: string): Answer => ({ code: "refused", text: words.operatorRefused(policy, why) });
  if (service === undefined || service.restart !== null) return refuse(words.alreadyRestarting);
  if (policy.container === "") return refuse(words.nothingToRestartHere);
  const hold = force ? null : holdNow(draft, policy, service);
  if (hold !== null) return refuse(hold.reason);
  const text = words.operatorRestart(policy, origin, force === true);
  const occasion = { askedBy: origin, ...(force ? { forced: true as const } : {}) };
  change(draft, policy.name, () => order(draft, policy, service, text, occasion));
  return { code: "done", text };
}

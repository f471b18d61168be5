/** Builds every alert, with one function for each thing that is told. `alert.ts` is the contract with receivers. */
import type { Alert, AlertParams, EventType, Severity } from "./alert.ts";
import type { Draft } from "./context.ts";
import { freshId, logged, note } from "./context.ts";
import type { ServicePolicy } from "./policy.ts";
import type { Brake, Outage } from "./state.ts";
import type { Trouble, TroubleId } from "./trouble-state.ts";
import { failureOf, titles, words } from "./words.ts";

/** An alert before it gets its id and its time. */
interface News {
  type: EventType;
  severity: Severity;
  title: string;
  message: string;
  params: AlertParams;
  follows?: Alert["follows"] | undefined;
}

/** Returns the id of the alert. `service` is empty for the watchdog's own news. */
function tell(draft: Draft, service: string, news: News): string {
  const { type, severity, title, message, params, follows } = news;
  const alert: Alert = {
    id: freshId(draft, "evt"),
    event_type: type,
    timestamp: new Date(draft.now).toISOString(),
    severity,
    title,
    message,
    params: { ...params, severity },
    ...(follows === undefined ? {} : { follows }),
  };
  draft.effects.push({ type: "alert", service, alert });
  return alert.id;
}

/** A reply to the alert `toldAs`, which was told under `title`; none when its id is not known. */
function replyTo(toldAs: unknown, title: string): Alert["follows"] {
  return typeof toldAs === "string" && toldAs !== "" ? { id: toldAs, title } : undefined;
}

/** What every alert about an outage says. */
function outageParams(policy: ServicePolicy, outage: Outage, action: string, success: boolean): AlertParams {
  return {
    component_name: policy.name,
    container_name: policy.container,
    action,
    success,
    consecutive_failures: outage.failures,
    incident_id: outage.id,
    reason: failureOf(outage),
    ...(policy.healthUrl === undefined ? {} : { health_url: policy.healthUrl }),
    ...(outage.hint === undefined ? {} : { hint: outage.hint }),
  };
}

/** What every alert about the watchdog itself says. Receivers pair a beginning and its end by `incident_id`. */
function ownParams(action: string, success: boolean, incident_id: string, reason: string): AlertParams {
  return {
    component_name: "watchdog",
    container_name: "",
    action,
    success,
    consecutive_failures: 0,
    incident_id,
    reason,
  };
}

function sendDown(
  draft: Draft,
  policy: ServicePolicy,
  outage: Outage,
  action: string,
  message: string,
): string {
  return tell(draft, policy.name, {
    type: "COMPONENT_DOWN",
    severity: "CRITICAL",
    title: titles.down(policy),
    message,
    params: outageParams(policy, outage, action, false),
    follows: replyTo(outage.toldAs, titles.down(policy)),
  });
}

/** Tells that a service is down, once for each outage. Later news goes to the log. Returns the outage as told. */
export function tellDown(
  draft: Draft,
  policy: ServicePolicy,
  outage: Outage,
  action: string,
  message: string,
): Outage {
  if (outage.toldAt > 0) {
    note(draft, "warn", policy.name, message);
    return outage;
  }
  const toldAs = sendDown(draft, policy, outage, action, message);
  return logged(draft, { ...outage, toldAt: draft.now, toldAs, remindedAt: draft.now }, message);
}

/** Reminds people of an outage. Returns the outage as told. */
export function tellStillDown(draft: Draft, policy: ServicePolicy, outage: Outage, reason: string): Outage {
  sendDown(draft, policy, outage, "none", words.stillDown(policy, outage, reason, draft.now));
  return { ...outage, remindedAt: draft.now };
}

export function tellRecovered(draft: Draft, policy: ServicePolicy, outage: Outage, message: string): void {
  tell(draft, policy.name, {
    type: "COMPONENT_RECOVERED",
    severity: "INFO",
    title: titles.recovered(policy),
    message,
    params: {
      ...outageParams(policy, outage, outage.restarted === "yes" ? "restart" : "recovery", true),
      down_seconds: Math.round((draft.now - outage.startedAt) / 1000),
    },
    follows: replyTo(outage.toldAs, titles.down(policy)),
  });
}

/** An outage of a service that is not watched any more: nobody will see its end. */
export function tellUnwatched(draft: Draft, name: string, outage: Outage): void {
  tell(draft, name, {
    type: "WATCHDOG_FAILURE",
    severity: "INFO",
    title: titles.unwatched(name),
    message: words.unwatched(name, outage, draft.now),
    params: { ...ownParams("none", true, outage.id, failureOf(outage)), component_name: name },
    follows: replyTo(outage.toldAs, titles.unwatched(name)),
  });
}

/** `hold`: why the service is not restarted any more. */
export function tellGaveUp(
  draft: Draft,
  policy: ServicePolicy,
  outage: Outage,
  failures: number,
  hold: string,
): void {
  tell(draft, policy.name, {
    type: "WATCHDOG_FAILURE",
    severity: "CRITICAL",
    title: titles.gaveUp(policy),
    message: words.gaveUp(policy, outage, hold),
    params: { ...outageParams(policy, outage, "restart", false), consecutive_failures: failures },
  });
}

/** Returns the id of the alert. */
export function tellBrakeClosed(draft: Draft, brake: Brake, down: readonly string[]): string {
  return tell(draft, "", {
    type: "WATCHDOG_FAILURE",
    severity: "CRITICAL",
    title: titles.brakeClosed,
    message: words.brakeClosed(brake.reason, down),
    params: ownParams("none", false, `trouble_brake_${brake.sinceAt}`, brake.reason),
  });
}

export function tellBrakeOpened(draft: Draft, brake: Brake): void {
  tell(draft, "", {
    type: "WATCHDOG_FAILURE",
    severity: "INFO",
    title: titles.brakeOpened,
    message: words.brakeOpened(brake, draft.now),
    params: ownParams("none", true, `trouble_brake_${brake.sinceAt}`, brake.reason),
    follows: replyTo(brake.toldAs, titles.brakeClosed),
  });
}

/** `tried`: what the watchdog was doing when it found out. Returns the id of the alert. */
export function tellTroubleBegan(draft: Draft, id: TroubleId, trouble: Trouble, tried: string): string {
  return tell(draft, "", {
    type: "WATCHDOG_FAILURE",
    severity: "CRITICAL",
    title: titles.troubleBegan,
    message: words.troubleBegan(trouble.reason),
    params: ownParams(tried, false, `trouble_${id}_${trouble.sinceAt}`, trouble.reason),
  });
}

export function tellTroubleEnded(draft: Draft, id: TroubleId, trouble: Trouble, tried: string): void {
  tell(draft, "", {
    type: "WATCHDOG_FAILURE",
    severity: "INFO",
    title: titles.troubleEnded,
    message: words.troubleEnded(trouble.reason, trouble.sinceAt, draft.now),
    params: ownParams(tried, true, `trouble_${id}_${trouble.sinceAt}`, trouble.reason),
    follows: replyTo(trouble.toldAs, titles.troubleBegan),
  });
}

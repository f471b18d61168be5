/** What an alert says besides its title and its message: the same facts, in the same words, at every receiver. */
import type { Alert } from "../core/alert.ts";
import { span } from "../core/words.ts";
import { cut } from "./cut.ts";

export interface Fact {
  name: string;
  value: string;
}

/** In the order of a reader's questions. What is empty, or says nothing, is left out. */
export function factsOf({ params }: Alert): Fact[] {
  const { consecutive_failures: failures, down_seconds: downSeconds } = params;
  const facts: Fact[] = [
    { name: "Component", value: params.component_name },
    { name: "Container", value: params.container_name },
    { name: "Action", value: params.action },
    { name: "Failed checks", value: failures > 0 ? String(failures) : "" },
    { name: "Down for", value: downSeconds === undefined ? "" : span(downSeconds * 1000) },
    { name: "Incident", value: params.incident_id ?? "" },
    { name: "Hint", value: params.hint ?? "" },
  ];
  return facts.filter(({ value }) => value.trim() !== "");
}

/** Green rather than red: a recovery, or a trouble of the watchdog's own that is over. */
export function isGoodNews(alert: Alert): boolean {
  return alert.params.success;
}

/** For receivers without fields: the message, and what to do next on a line of its own. */
export function messageWithHint({ message, params: { hint = "" } }: Alert): string {
  // A message from a template may have it already.
  return hint.trim() === "" || message.includes(hint) ? message : `${message}\n${hint}`;
}

/** One or more of several alerts in one message. */
export interface Note {
  title: string;
  message: string;
  good: boolean;
}

/** More than these are read as a list. Discord takes no more embeds. */
const MOST_NOTES = 10;
const LISTED_TITLE_LENGTH = 80;

/**
 * Alerts of one moment for a chat: each by itself, at most 10; of more only the titles, a line each, what
 * is bad apart from what is good. Every title has room in a message of 4000 characters up to 20 alerts.
 */
export function notesOf(alerts: readonly Alert[]): Note[] {
  if (alerts.length > MOST_NOTES) return [...list(alerts, false), ...list(alerts, true)];
  return alerts.map((alert) => ({
    title: alert.title,
    message: messageWithHint(alert),
    good: isGoodNews(alert),
  }));
}

function list(alerts: readonly Alert[], good: boolean): Note[] {
  const titles = alerts.filter((alert) => isGoodNews(alert) === good).map(({ title }) => title);
  if (titles.length === 0) return [];
  const message = titles.map((title) => cut(title, LISTED_TITLE_LENGTH)).join("\n");
  return [{ title: `${titles.length} ${good ? "resolved" : "in trouble"}`, message, good }];
}

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

/** One of several alerts in one message. */
export interface Note {
  title: string;
  message: string;
  good: boolean;
}

const LISTED_TITLE_LENGTH = 80;

/** At most `most` notes of alerts of one moment. What is over shares the last one, a line each. */
export function notesOf(alerts: readonly Alert[], most: number): Note[] {
  const notes = alerts.map((alert) => ({
    title: alert.title,
    message: messageWithHint(alert),
    good: isGoodNews(alert),
  }));
  if (notes.length <= most) return notes;
  const over = notes.splice(most - 1);
  const titles = over.map(({ title }) => cut(title, LISTED_TITLE_LENGTH));
  const good = over.every((note) => note.good);
  return [...notes, { title: `${over.length} more alerts`, message: titles.join("\n"), good }];
}

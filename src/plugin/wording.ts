/** What an alert says besides its title and its message: the same facts in the same words at every receiver. */
import type { Alert } from "../core/alert.ts";
import { span } from "../core/phrases.ts";

export interface Fact {
  name: string;
  value: string;
}

/** In the order in which a reader asks. Empty facts are left out. */
export function factsOf({ params }: Alert): Fact[] {
  const { consecutive_failures: failures, down_seconds: downSeconds } = params;
  const facts: Fact[] = [
    { name: "Component", value: params.component_name },
    { name: "Container", value: params.container_name },
    { name: "Failure", value: params.reason ?? "" },
    { name: "URL", value: params.health_url ?? "" },
    { name: "Action", value: params.action },
    { name: "Failed checks", value: failures > 0 ? String(failures) : "" },
    { name: "Down for", value: downSeconds === undefined ? "" : span(downSeconds * 1000) },
    { name: "Incident", value: params.incident_id ?? "" },
    { name: "Hint", value: params.hint ?? "" },
  ];
  return facts.filter(({ value }) => value.trim() !== "");
}

/** Shown in green instead of red: a recovery, or the end of a trouble of the watchdog itself. */
export function isGoodNews(alert: Alert): boolean {
  return alert.params.success;
}

/** The text for receivers without fields: the message, and the hint on a line of its own. */
export function messageWithHint({ message, params: { hint = "" } }: Alert): string {
  // A message from a template may already contain the hint.
  return hint.trim() === "" || message.includes(hint) ? message : `${message}\n${hint}`;
}

/** One part of a message: one alert, or a list of alerts. */
export interface Note {
  title: string;
  message: string;
  good: boolean;
}

/** More alerts than this are shown as a list. Discord accepts at most 10 embeds. */
const MOST_NOTES = 10;
const LISTED_TITLE_LENGTH = 80;

/**
 * Alerts of one moment for a chat. Up to 10 are shown one by one. Of more, only the titles are listed, one per line,
 * bad and good ones apart. All titles of 20 alerts fit into a message of 4000 characters.
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

/** At most `limit` code points, with an ellipsis at the end if the text was longer. Lone surrogates are replaced. */
export function cut(text: string, limit = Number.POSITIVE_INFINITY): string {
  const whole = text.replace(/\p{Surrogate}/gu, "\uFFFD");
  if (whole.length <= limit) return whole;
  const characters = [...whole.slice(0, 2 * limit + 2)];
  return characters.length <= limit ? whole : `${characters.slice(0, limit - 1).join("")}…`;
}

const same = (text: string) => text;
const lengthOf = (written: string) => written.length;

/**
 * `text`, escaped by `write`, at most `limit` long by `sizeOf` (by default UTF-16 units, of which there are never
 * fewer than the characters that a provider counts). A text that is too long is cut between characters and ends in an
 * ellipsis. It is cut before it is escaped, so no escape is broken.
 */
export function fit(
  text: string,
  limit: number,
  write: (text: string) => string = same,
  sizeOf: (written: string) => number = lengthOf,
): string {
  const written = write(cut(text));
  if (sizeOf(written) <= limit) return written;
  // Every character takes at least one unit, so no more than `limit` characters can fit.
  const characters = [...cut(text, limit + 1)].slice(0, limit);
  const beginning = (length: number) => write(`${characters.slice(0, length).join("")}…`);
  let [fits, most] = [0, characters.length];
  while (fits < most) {
    const middle = Math.ceil((fits + most) / 2);
    if (sizeOf(beginning(middle)) <= limit) fits = middle;
    else most = middle - 1;
  }
  return beginning(fits);
}

/** How many bytes a text takes inside a JSON document. */
export function jsonBytes(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length - 2;
}

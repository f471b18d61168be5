/** The settings that every sink has: which alerts it gets, and how they are worded. */
import * as v from "valibot";
import type { Alert, Route } from "../core/alert.ts";
import { own } from "../core/record.ts";
import { help } from "./settings.ts";

export interface SinkSettings extends Route {
  /** Templates. Absent: the alert's own title and message. */
  title?: string | undefined;
  message?: string | undefined;
}

const EVENTS = ["COMPONENT_DOWN", "COMPONENT_RECOVERED", "WATCHDOG_FAILURE"] as const;
const SEVERITIES = ["INFO", "WARNING", "CRITICAL"] as const;

const listOf = <T extends readonly string[]>(all: T) =>
  v.optional(
    v.pipe(v.array(v.picklist(all, `one of ${all.join(", ")}`)), v.minLength(1, "at least one of them")),
  );

/** Templates are `{name}` and nothing else: no code, no lookups, no nesting. */
const FIELDS: Record<string, (alert: Alert) => string> = {
  title: (alert) => alert.title,
  message: (alert) => alert.message,
  event: (alert) => alert.event_type,
  severity: (alert) => alert.severity,
  time: (alert) => alert.timestamp,
  id: (alert) => alert.id,
  component: (alert) => alert.params.component_name,
  container: (alert) => alert.params.container_name,
  action: (alert) => alert.params.action,
  failures: (alert) => String(alert.params.consecutive_failures),
  incident: (alert) => alert.params.incident_id ?? "",
  reason: (alert) => alert.params.reason ?? "",
  health_url: (alert) => alert.params.health_url ?? "",
  hint: (alert) => alert.params.hint ?? "",
  down_seconds: (alert) => String(alert.params.down_seconds ?? ""),
};

const PLACEHOLDER = /\{([^{}]*)\}/g;

/** Entries to spread into the schema of a sink. Pass their values on as the sink's `settings`. */
export const sinkSettings = {
  events: help("The events that it gets; by default all.", listOf(EVENTS)),
  severities: help("The severities that it gets; by default all.", listOf(SEVERITIES)),
  services: help(
    "The services whose alerts it gets; by default all.",
    v.optional(v.pipe(v.array(v.string("the name of a service")), v.minLength(1, "at least one of them"))),
  ),
  title: help("A template for the title.", v.optional(templateField())),
  message: help("A template for the message.", v.optional(templateField())),
};

/** Fills in the placeholders of a template. `{{` and `}}` stand for braces. */
export function renderTemplate(template: string, alert: Alert): string {
  const whole = template.replaceAll("{{", "\u0001").replaceAll("}}", "\u0002");
  const filled = whole.replace(PLACEHOLDER, (_, name: string) => own(FIELDS, name.trim())?.(alert) ?? "");
  return filled.replaceAll("\u0001", "{").replaceAll("\u0002", "}");
}

/** A text that has only known placeholders and no single braces. */
export function templateField() {
  const names = Object.keys(FIELDS).map((name) => `{${name}}`);
  return v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(2000),
    v.check(isTemplate, `a text with placeholders among ${names.join(", ")} ("{{" and "}}" for braces)`),
  );
}

function isTemplate(template: string): boolean {
  const whole = template.replaceAll("{{", "").replaceAll("}}", "");
  const known = [...whole.matchAll(PLACEHOLDER)].every(([, name]) => Object.hasOwn(FIELDS, name!.trim()));
  return known && !/[{}]/.test(whole.replace(PLACEHOLDER, ""));
}

/** Templates of titles and messages: `{name}` and nothing else. No code, no lookups, no nesting. */
import * as v from "valibot";
import type { Alert } from "../core/alert.ts";

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
  hint: (alert) => alert.params.hint ?? "",
  down_seconds: (alert) => String(alert.params.down_seconds ?? ""),
};

const PLACEHOLDER = /\{([^{}]*)\}/g;

/** The template with what it names filled in. `{{` and `}}` stand for braces. */
export function renderTemplate(template: string, alert: Alert): string {
  const whole = template.replaceAll("{{", "\u0001").replaceAll("}}", "\u0002");
  const filled = whole.replace(PLACEHOLDER, (_, name: string) => FIELDS[name.trim()]?.(alert) ?? "");
  return filled.replaceAll("\u0001", "{").replaceAll("\u0002", "}");
}

/** A text with known placeholders only, and no brace left over. */
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

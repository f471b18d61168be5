/** What every sink takes besides its own settings: which alerts it gets, and how they are worded. */
import * as v from "valibot";
import type { Route } from "../core/alert.ts";
import { templateField } from "./template.ts";

export interface SinkSettings extends Route {
  /** Templates; the alert's own title and message when absent. */
  title?: string;
  message?: string;
}

const EVENTS = ["COMPONENT_DOWN", "COMPONENT_RECOVERED", "WATCHDOG_FAILURE"] as const;
const SEVERITIES = ["INFO", "WARNING", "CRITICAL"] as const;

const listOf = <T extends readonly string[]>(all: T) =>
  v.optional(
    v.pipe(v.array(v.picklist(all, `one of ${all.join(", ")}`)), v.minLength(1, "at least one of them")),
  );

/** Entries to spread into a sink's schema; hand what they read on as the sink's `settings`. */
export const sinkSettings = {
  events: listOf(EVENTS),
  severities: listOf(SEVERITIES),
  services: v.optional(
    v.pipe(v.array(v.string("the name of a service")), v.minLength(1, "at least one of them")),
  ),
  title: v.optional(templateField()),
  message: v.optional(templateField()),
};

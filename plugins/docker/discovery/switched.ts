/** Whether labels switch healing on for a container, and whose labels those are. Pure. */
import type { ContainerView, DiscoveryRules, LabelFault } from "./contract.ts";
import { DIALECTS, type Dialect, ENABLE, EXCLUDE, OWN_PREFIX, type Switch } from "./dialects.ts";
import { flag, labelOf, shown } from "./values.ts";

/** `dialect` is absent where our own label did it. */
export type Switched =
  | { kind: "on"; by: string; dialect?: Dialect }
  | { kind: "off"; why: string }
  | { kind: "wrong"; fault: LabelFault };

export function switched(view: ContainerView, rules: DiscoveryRules): Switched {
  const { labels } = view;
  const excluded = readFlag(labels, EXCLUDE);
  if (excluded?.fault) return { kind: "wrong", fault: excluded.fault };
  if (excluded?.on) return { kind: "off", why: `${EXCLUDE} leaves it out` };
  const enabled = readFlag(labels, ENABLE);
  if (enabled?.fault) return { kind: "wrong", fault: enabled.fault };
  if (enabled) {
    return enabled.on ? { kind: "on", by: ENABLE } : { kind: "off", why: `${ENABLE} switches it off` };
  }
  return byOthers(view, rules);
}

/** A no wins over every yes: nobody writes it by accident. */
function byOthers(view: ContainerView, rules: DiscoveryRules): Switched {
  let on: Switched | undefined;
  for (const dialect of DIALECTS) {
    for (const one of dialect.switches?.(rules) ?? []) {
      const said = readSwitch(view.labels, one);
      if (said?.fault) return { kind: "wrong", fault: said.fault };
      if (said && !said.on) return { kind: "off", why: `${one.label} switches it off` };
      if (said && dialect.healsByHealthcheck && rules.onlyRunning && view.status !== "running") {
        return { kind: "off", why: "it does not run (plugins.docker.onlyRunning)" };
      }
      if (said) on ??= { kind: "on", by: one.label, dialect };
    }
  }
  return on ?? byRule(view, rules);
}

const ALIVE = new Set(["running", "paused", "restarting"]);

/** Nobody named this container: only what those tools would do is done, and they know only a HEALTHCHECK. */
function byRule(view: ContainerView, rules: DiscoveryRules): Switched {
  if (rules.everything) return { kind: "on", by: "everything" };
  if (rules.label !== "all") return { kind: "off", why: unnamed(view) };
  const rule = "plugins.docker.label: all";
  if (!view.hasHealthcheck) {
    return { kind: "off", why: `it has no HEALTHCHECK, and no label switches it on beside ${rule}` };
  }
  if (!ALIVE.has(view.status) || (rules.onlyRunning && view.status !== "running")) {
    return { kind: "off", why: `it does not run, and no label switches it on beside ${rule}` };
  }
  return { kind: "on", by: rule, dialect: DIALECTS.find(({ tool }) => tool === "docker-autoheal")! };
}

function unnamed({ labels }: ContainerView): string {
  const own = Object.keys(labels).find((label) => label.startsWith(OWN_PREFIX));
  return own === undefined ? "no label switches it on" : `it has labels of ours, and no ${ENABLE}=true`;
}

interface Said {
  on: boolean;
  fault?: LabelFault;
}

function readFlag(labels: ContainerView["labels"], label: string): Said | undefined {
  const text = labelOf(labels, label);
  if (text === undefined) return undefined;
  const on = flag.read(text);
  if (on !== undefined) return { on };
  return { on: false, fault: { label, found: shown(text), accepted: flag.accepted } };
}

function readSwitch(labels: ContainerView["labels"], { label, takes }: Switch): Said | undefined {
  if (takes === "any") return labelOf(labels, label) === undefined ? undefined : { on: true };
  const said = readFlag(labels, label);
  if (!said || takes === "flag") return said;
  return said.fault || (takes === "no" && said.on) ? undefined : said;
}

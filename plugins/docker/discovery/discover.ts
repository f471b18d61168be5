/** What containers say of themselves, as services. Pure: it reads labels, and decides nothing about healing. */

import * as v from "valibot";
import { containerName } from "../../../src/plugin.ts";
import { askOf } from "./ask.ts";
import type { ContainerView, DiscoveryRules, Found, Ignored, LabelFault, Refused } from "./contract.ts";
import { createNames, cycles, dependenciesOf } from "./dependencies.ts";
import { DIALECTS, ENABLE, EXCLUDE, OWN_PREFIX, OWN_WORDS } from "./dialects.ts";
import type { Lookup } from "./hosts.ts";
import { identityOf, isInTransit } from "./identity.ts";
import { type Candidate, toService } from "./settings.ts";
import { switched } from "./switched.ts";
import { labelOf, shown } from "./values.ts";
import { listen } from "./vocabulary.ts";

type Judged = { kind: "candidate"; candidate: Candidate } | Ignored | Refused;

/** One answer for each container, in their order. */
export function discover(containers: readonly ContainerView[], rules: DiscoveryRules): Found[] {
  const lookup = createLookup(containers);
  const judged = containers.map((view) => judge(view, rules, lookup));
  const candidates = judged.flatMap((one) => (one.kind === "candidate" ? [one.candidate] : []));
  const refusals = conflicts(candidates);
  const services = candidates.filter(({ view }) => !refusals.has(view));
  const names = createNames(services, containers, rules.listed);
  const graph = new Map(services.map((one) => [one.name, dependenciesOf(one, names)]));
  const circular = cycles(graph);
  return judged.map((one): Found => {
    if (one.kind !== "candidate") return one;
    const { view, name } = one.candidate;
    const fault = circular.get(name);
    const refused = refusals.get(view);
    if (refused) return refused;
    if (fault) return { kind: "refused", container: view.name, faults: [fault] };
    const { on, ...dependencies } = graph.get(name)!;
    const sound = on.filter((other) => !circular.has(other));
    return toService(one.candidate, { ...dependencies, on: sound });
  });
}

function createLookup(containers: readonly ContainerView[]): Lookup {
  const byId = new Map(containers.map((view) => [view.id, view]));
  const byName = new Map(containers.map((view) => [view.name, view]));
  return (container) => byId.get(container) ?? byName.get(container);
}

const NAME = containerName();

/** In these states it was never started, or is on its way out. */
const NOT_THERE = new Set(["created", "removing", "dead"]);

function whyNone(view: ContainerView, rules: DiscoveryRules): string | undefined {
  const { id, name, labels, status } = view;
  if (rules.ownId !== "" && id === rules.ownId) return "it is the watchdog's own container";
  if (!v.is(NAME, name)) return "its name is not one of Docker's grammar";
  if (labelOf(labels, "com.docker.swarm.task.id")) {
    return "it is a task of a Swarm service, which Swarm itself keeps";
  }
  if (labelOf(labels, "com.docker.compose.oneoff")?.toLowerCase() === "true") {
    return "it is a one-off container of docker compose run";
  }
  return NOT_THERE.has(status) ? `it is ${status}` : undefined;
}

function judge(view: ContainerView, rules: DiscoveryRules, lookup: Lookup): Judged {
  const container = view.name;
  const why = whyNone(view, rules);
  if (why !== undefined) return { kind: "ignored", container, why };
  const by = switched(view, rules);
  if (by.kind === "off") return { kind: "ignored", container, why: by.why };
  if (by.kind === "wrong") return { kind: "refused", container, faults: [by.fault] };
  const { said, faults } = listen(view.labels, DIALECTS);
  faults.push(...unknownLabels(view));
  const asked = askOf(view, said, by.dialect, lookup);
  if (!asked.ok) faults.push(...asked.faults);
  if (faults.length > 0 || !asked.ok) return { kind: "refused", container, faults };
  const { value: name, by: namedBy } = identityOf(view, said.name);
  return { kind: "candidate", candidate: { view, name, namedBy, said, by, ask: asked.ask } };
}

const OWN_LABELS = new Set([ENABLE, EXCLUDE, ...OWN_WORDS.map(({ label }) => label)]);
const MAX_FAULTS = 20;

function unknownLabels({ labels }: ContainerView): LabelFault[] {
  const unknown = Object.keys(labels).filter((one) => one.startsWith(OWN_PREFIX) && !OWN_LABELS.has(one));
  const accepted = `one of ${[...OWN_LABELS].join(", ")}`;
  return unknown
    .slice(0, MAX_FAULTS)
    .map((label) => ({ label: shown(label), found: "a label that does not exist", accepted }));
}

/** Two containers that claim one name: neither is touched, except where Compose is replacing one by the other. */
function conflicts(candidates: readonly Candidate[]): Map<ContainerView, Ignored | Refused> {
  const claims = new Map<string, Candidate[]>();
  for (const one of candidates) claims.set(one.name, [...(claims.get(one.name) ?? []), one]);
  const refusals = new Map<ContainerView, Ignored | Refused>();
  for (const [name, claimants] of claims) {
    if (claimants.length < 2) continue;
    const views = claimants.map(({ view }) => view);
    const settled = claimants.filter(({ view }) => !isInTransit(view, views));
    for (const { view, namedBy } of claimants) {
      const others = claimants.filter((other) => other.view !== view).map((other) => other.view.name);
      const container = view.name;
      if (settled.length === 1 && settled[0]!.view !== view) {
        const why = "Compose is recreating it, and the other container is still there";
        refusals.set(view, { kind: "ignored", container, why });
      } else if (settled.length !== 1) {
        const found = `the service ${name}, which ${others.slice(0, 5).join(", ")} claims, too`;
        const accepted = "a name of its own: set watchdog.name";
        refusals.set(view, { kind: "refused", container, faults: [{ label: namedBy, found, accepted }] });
      }
    }
  }
  return refusals;
}

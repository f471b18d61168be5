/** The name under which a container's record is kept: it outlives the container. Pure. */
import { createHash } from "node:crypto";
import type { ContainerView } from "./contract.ts";
import { labelOf, serviceName } from "./values.ts";
import type { Saying } from "./vocabulary.ts";

const COMPOSE = "com.docker.compose.";

export interface ComposeIdentity {
  project: string;
  service: string;
  number: string;
}

export function composeOf({ labels }: Pick<ContainerView, "labels">): ComposeIdentity | undefined {
  const project = labelOf(labels, `${COMPOSE}project`);
  const service = labelOf(labels, `${COMPOSE}service`);
  if (!project || !service) return undefined;
  return { project, service, number: labelOf(labels, `${COMPOSE}container-number`) || "1" };
}

/** An explicit name, else that of Compose, else the container's. */
export function identityOf(
  view: Pick<ContainerView, "labels" | "name">,
  explicit: Saying<string> | undefined,
): Saying<string> {
  if (explicit) return { value: validName(explicit.value), by: explicit.by };
  const compose = composeOf(view);
  if (compose) return { value: validName(composeName(compose)), by: `${COMPOSE}service` };
  return { value: validName(view.name), by: "the container's name" };
}

/**
 * `shop.web` and `shop.web.2`. A project's name has no dot in it; a service whose name ends like a number always
 * gets its own number, so that no two containers have one name.
 */
function composeName({ project, service, number }: ComposeIdentity): string {
  const isFirst = number === "1" && !/\.\d+$/.test(service);
  return `${project}.${service}${isFirst ? "" : `.${number}`}`;
}

/**
 * Other characters become dashes; the end tells two names apart that would become one. What stands before an @
 * may be a password, and is left out.
 */
function validName(text: string): string {
  if (serviceName.read(text) === text) return text;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8);
  const plain = text
    .replace(/^.*@/s, "")
    .replace(/[^a-z0-9_.-]+/gi, "-")
    .replace(/^[^a-z0-9]+/i, "");
  return `${plain.slice(0, 55) || "container"}-${hash}`;
}

/** Compose names a new container after the one that it replaces, until that one is gone: `0123456789ab_shop-web-1`. */
export function isInTransit({ name }: ContainerView, claimants: readonly ContainerView[]): boolean {
  const prefix = /^([0-9a-f]{12})_./.exec(name)?.[1];
  return prefix !== undefined && claimants.some(({ id }) => id.startsWith(prefix));
}

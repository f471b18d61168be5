/** Containers for the tests of discovery, and their answers in a form that reads like a table. */

import type { ContainerView, DiscoveryRules, Found } from "../../plugins/docker/discovery/contract.ts";
import { discover } from "../../plugins/docker/discovery/discover.ts";

export const RULES: DiscoveryRules = {
  ownId: "f".repeat(64),
  label: "autoheal",
  onlyRunning: false,
  listed: [],
};

let count = 0;

/** A running container on one network, which exposes 8080 and has no HEALTHCHECK. */
export function container(name: string, more: Partial<ContainerView> = {}): ContainerView {
  count++;
  return {
    id: count.toString(16).padStart(64, "0"),
    name,
    labels: {},
    status: "running",
    hasHealthcheck: false,
    exposedPorts: ["8080/tcp"],
    publishedPorts: [],
    networkMode: "shop_default",
    networks: [
      {
        network: "shop_default",
        names: [`${name}-alias`],
        addresses: [
          { address: "172.20.0.2", prefix: 16 },
          { address: "fd00:20::2", prefix: 64 },
        ],
      },
    ],
    ...more,
  };
}

export const composed = (project: string, service: string, number = "1", labels = {}) => ({
  "com.docker.compose.project": project,
  "com.docker.compose.service": service,
  "com.docker.compose.container-number": number,
  "com.docker.compose.oneoff": "False",
  ...labels,
});

export function found(
  labels: Record<string, string>,
  more: Partial<ContainerView> = {},
  rules: Partial<DiscoveryRules> = {},
): Found {
  return discover([container("web", { labels, ...more })], { ...RULES, ...rules })[0]!;
}

/** `service <name>: <settings>`, `ignored: <why>`, or `refused: <label>: found <found>; accepted: <accepted>`. */
export function told(one: Found): string {
  switch (one.kind) {
    case "service":
      return `service ${one.name}`;
    case "ignored":
      return `ignored: ${one.why}`;
    case "refused":
      return one.faults
        .map(({ label, found, accepted }) => `refused: ${label}: found ${found}; accepted: ${accepted}`)
        .join("\n");
  }
}

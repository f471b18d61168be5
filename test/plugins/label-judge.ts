/** What must hold of services that labels brought about, whatever the labels were. */
import assert from "node:assert/strict";
import { isIP } from "node:net";
import * as v from "valibot";
import type { ContainerView, Found, Service } from "../../plugins/docker/discovery/contract.ts";
import { builtins } from "../../src/builtin-plugins.ts";
import { SERVICE_NAME, serviceSchemas } from "../../src/config/service-settings.ts";

const SETTINGS = new Set([
  ...["check", "url", "http", "interval", "timeout", "startPeriod", "failureThreshold", "action"],
  ...["respectManualStop", "dependsOn", "group", "displayName", "docker"],
]);
const schemaOf = serviceSchemas(builtins);
const prototypes = [Object.prototype, Array.prototype, Function.prototype, String.prototype];
const snapshot = () => prototypes.map((one) => Reflect.ownKeys(one).length).join();
const untouched = snapshot();

/** The hosts of the container in whose network it lives. */
function hostsOf(view: ContainerView, views: readonly ContainerView[]): Set<string> {
  const parent = /^container:(.*)$/.exec(view.networkMode)?.[1];
  const owner = parent === undefined ? view : views.find(({ name }) => name === parent)!;
  if (owner.networks.length === 0) return new Set();
  const names = [owner.name, ...owner.networks.flatMap((one) => one.names)].map((name) => name.toLowerCase());
  const full = owner.networks.flatMap(({ network }) => names.map((name) => `${name}.${network}`));
  return new Set([...[...names, ...full].filter(isOnlyAName), "172.20.0.2", "[fd00:20::2]"]);
}

/** Whatever ends like a number is an address for a URL. */
const isOnlyAName = (name: string) => !/(^|\.)(\d+|0x[0-9a-f]*)$/i.test(name);

function judgeService(one: Service, view: ContainerView, views: readonly ContainerView[]): void {
  const { settings } = one;
  assert.match(one.name, SERVICE_NAME);
  for (const key of Object.keys(settings)) assert.ok(SETTINGS.has(key), key);
  assert.ok(["http", "tcp", "docker"].includes(settings.check));
  assert.equal(settings.check === "docker", settings.url === undefined);
  // The only settings that a command is made of.
  if (settings.docker) assert.match(settings.docker.stopTimeout, /^\d{1,7}m?s$/);
  assert.deepEqual(Object.keys(settings.docker ?? { stopTimeout: "" }), ["stopTimeout"]);
  assert.deepEqual(Object.keys(settings.http ?? { status: 200 }), ["status"]);
  const read = v.safeParse(schemaOf(settings), { ...settings, container: one.container });
  if (!read.success) assert.fail(JSON.stringify({ settings, issues: v.flatten(read.issues) }));
  if (settings.url !== undefined) judgeUrl(settings.url, hostsOf(view, views));
}

function judgeUrl(url: string, hosts: ReadonlySet<string>): void {
  assert.match(url, /^(https?|tcp):\/\/[!-~]+$/, url);
  const { username, password, hostname } = new URL(url.replace(/^tcp/, "http"));
  assert.equal(username + password, "", url);
  if (!hosts.has(hostname)) assert.fail(`${url} asks ${hostname}, and not ${[...hosts].join(", ")}`);
  assert.ok(!url.includes("@") || url.indexOf("@") > url.indexOf("/", 8), url);
  if (isIP(hostname) > 0) assert.equal(hostname, "172.20.0.2");
}

/** Throws where something came out that no label may bring about. */
export function judge(
  found: readonly Found[],
  views: readonly ContainerView[],
  listed: readonly string[],
): void {
  assert.equal(found.length, views.length);
  const services = found.filter((one) => one.kind === "service");
  const names = new Set(services.map(({ name }) => name));
  assert.equal(names.size, services.length, "each name has one container");
  found.forEach((one, at) => {
    assert.equal(one.container, views[at]!.name);
    if (one.kind === "service") {
      judgeService(one, views[at]!, views);
      for (const other of one.settings.dependsOn ?? []) {
        assert.ok(other !== one.name && (names.has(other) || listed.includes(other)), other);
      }
    } else if (one.kind === "refused") {
      assert.ok(one.faults.length > 0);
      for (const { label, found, accepted } of one.faults) {
        assert.ok(label !== "" && accepted !== "" && found.length < 700, found);
        assert.doesNotMatch(label + found + accepted, /[\p{Cc}\u202e]|hunter2/u);
      }
    }
  });
  assert.equal(snapshot(), untouched, "no prototype is changed");
}

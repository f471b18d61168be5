/** What a person types at `docker exec`, in a container as locked down as the Compose file makes it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { docker, logsOf, removeAll, runContainer, skipWithoutEngine, uniqueName, until } from "./engine.ts";
import { buildImages, type Images } from "./images.ts";

const skip = await skipWithoutEngine();
const SOCKET = ["-v", "/var/run/docker.sock:/var/run/docker.sock"];
const LOCKED_DOWN = [
  ...["--read-only", "--security-opt", "no-new-privileges", "--cap-drop", "ALL"],
  ...["SETUID", "SETGID", "CHOWN"].flatMap((capability) => ["--cap-add", capability]),
];

let images: Images;

before(async () => {
  if (!skip) images = await buildImages();
});
after(removeAll);

test("the command is on the PATH, and reads status and incidents though root may not read the files", {
  skip,
}, async () => {
  const env = [
    ...["-e", "CHECK_INTERVAL_SECONDS=1", "-e", "HOST=0.0.0.0"],
    ...["-e", "WATCHDOG_TOKEN=planted-token-0123456789"],
  ];
  const id = await runContainer(uniqueName("exec"), [...SOCKET, ...LOCKED_DOWN, ...env, images.watchdog]);
  const typed = (...words: string[]) => docker("exec", id, "spreadpilot-watchdog", ...words);

  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  assert.equal(await typed("--version"), `spreadpilot-watchdog ${version}`);
  assert.match(await typed("help"), /incidents \[ID\]/);
  // Nobody answers to these names here: each of the built-in services is an outage.
  const listed = await until("an outage", 30_000, async () => {
    const list = await typed("incidents");
    return /inc_/.test(list) && list;
  });
  assert.match(await typed("status"), /^executor +\w+ /m);
  const [, incident] = / (inc_\w+) +executor /.exec(listed)!;
  assert.match(await typed("incidents", incident!), new RegExp(`^${incident}: Executor, container sp.*\n`));
  assert.match(await docker("exec", "-u", "1000", id, "spreadpilot-watchdog", "incidents"), /inc_/);
});

test("an empty WATCHDOG_RUN_AS ends the container instead of leaving it root", { skip }, async () => {
  const id = await runContainer(uniqueName("root"), [...SOCKET, "-e", "WATCHDOG_RUN_AS=", images.watchdog]);
  assert.equal(await docker("wait", id), "1");
  assert.match(await logsOf(id), /WATCHDOG_RUN_AS is empty and the process is root/);
});

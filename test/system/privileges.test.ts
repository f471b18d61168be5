import assert from "node:assert/strict";
import { test } from "node:test";
import { dropPrivilegesFromEnv, type PrivilegeSystem } from "../../src/system/privileges.ts";

type Files = Record<string, { uid: number; gid: number; mode: number }>;

const SOCKET = "/var/run/docker.sock";
const ENV = { WATCHDOG_RUN_AS: "1000:1000", STATE_FILE: "/data/state.json" };
const DATA = { uid: 1000, gid: 1000, mode: 0o40755 };

/** A machine that writes down what is done to it; `refuse` names calls that fail. */
function machine(files: Files, { uid = 0, refuse = [] as string[] } = {}) {
  const calls: string[] = [];
  const does = (call: string) => {
    if (refuse.some((name) => call.startsWith(name))) throw new Error("EPERM: operation not permitted");
    calls.push(call);
  };
  const system: PrivilegeSystem = {
    getuid: () => uid,
    setgroups: (gids) => does(`setgroups ${gids.join(",")}`),
    setgid: (gid) => does(`setgid ${gid}`),
    setuid: (id) => does(`setuid ${id}`),
    stat: (path) => {
      if (!files[path]) throw new Error(`ENOENT: no such file or directory, stat '${path}'`);
      return files[path];
    },
    list: (folder) => {
      if (refuse.includes("list")) throw new Error(`EACCES: permission denied, scandir '${folder}'`);
      const inside = Object.keys(files).filter((path) => path.startsWith(`${folder}/`));
      return inside.map((path) => path.slice(folder.length + 1));
    },
    makeDirectory: () => {},
    chown: (path, id, gid) => does(`chown ${path} ${id}:${gid}`),
  };
  return { system, calls };
}

test("root becomes the user with the socket's group, groups first and the user last", () => {
  const { system, calls } = machine({
    [SOCKET]: { uid: 0, gid: 998, mode: 0o660 },
    "/data": DATA,
    "/data/state.json": { uid: 1000, gid: 1000, mode: 0o600 },
  });
  const outcome = dropPrivilegesFromEnv(ENV, system);
  assert.deepEqual(calls, ["setgroups 1000,998", "setgid 1000", "setuid 1000"]);
  assert.deepEqual(outcome, {
    ok: true,
    dropped: true,
    reason: "runs as 1000:1000 with the groups 1000, 998",
    warnings: [],
  });
});

test("a socket of root's own group is usable all the same", () => {
  const { system, calls } = machine({ [SOCKET]: { uid: 0, gid: 0, mode: 0o660 }, "/data": DATA });
  dropPrivilegesFromEnv(ENV, system);
  assert.equal(calls[0], "setgroups 1000,0");
});

test("a socket that everybody may use brings no group along", () => {
  const { system, calls } = machine({ [SOCKET]: { uid: 0, gid: 0, mode: 0o666 }, "/data": DATA });
  dropPrivilegesFromEnv(ENV, system);
  assert.equal(calls[0], "setgroups 1000");
});

test("a socket for its owner only is told, and root is given away", () => {
  const { system, calls } = machine({ [SOCKET]: { uid: 0, gid: 998, mode: 0o600 }, "/data": DATA });
  const outcome = dropPrivilegesFromEnv(ENV, system);
  assert.deepEqual(calls, ["setgroups 1000", "setgid 1000", "setuid 1000"]);
  assert.match(outcome.ok ? outcome.warnings.join() : "", /for its owner 0 only \(mode 600\).*chmod g\+rw/);
});

test("a missing socket is told with what to do, and root is given away", () => {
  const { system, calls } = machine({ "/data": DATA });
  const outcome = dropPrivilegesFromEnv(ENV, system);
  assert.equal(calls.at(-1), "setuid 1000");
  assert.match(outcome.ok ? outcome.warnings.join() : "", /docker\.sock cannot be looked at.*Mount it with/);
});

test("an engine that is reached by TCP needs no socket", () => {
  const { system, calls } = machine({ "/data": DATA });
  const outcome = dropPrivilegesFromEnv({ ...ENV, DOCKER_HOST: "tcp://proxy:2375" }, system);
  assert.equal(calls[0], "setgroups 1000");
  assert.deepEqual(outcome.ok && outcome.warnings, []);
});

test("the socket that DOCKER_SOCK names counts where there is no DOCKER_HOST", () => {
  const socket = { uid: 0, gid: 7, mode: 0o660 };
  for (const [env, groups] of [
    [{ DOCKER_SOCK: "/run/user/d.sock" }, "1000,7"],
    [{ DOCKER_SOCK: "unix:///run/user/d.sock" }, "1000,7"],
    [{ DOCKER_SOCK: "tcp://engine:2375" }, "1000"],
    [{ DOCKER_SOCK: "/run/user/d.sock", DOCKER_HOST: "tcp://engine:2375" }, "1000"],
  ] as const) {
    const { system, calls } = machine({ "/run/user/d.sock": socket, "/data": DATA });
    const outcome = dropPrivilegesFromEnv({ ...ENV, ...env }, system);
    assert.equal(calls[0], `setgroups ${groups}`);
    assert.deepEqual(outcome.ok && outcome.warnings, []);
  }
});

test("the socket that DOCKER_HOST names is the one that counts", () => {
  const { system, calls } = machine({ "/run/user/d.sock": { uid: 0, gid: 7, mode: 0o660 }, "/data": DATA });
  dropPrivilegesFromEnv({ ...ENV, DOCKER_HOST: "unix:///run/user/d.sock" }, system);
  assert.equal(calls[0], "setgroups 1000,7");
});

test("root's state folder and state files are handed over, other files in it are not", () => {
  const root = { uid: 0, gid: 0, mode: 0o644 };
  const { system, calls } = machine({
    [SOCKET]: { uid: 0, gid: 998, mode: 0o660 },
    "/data": { uid: 0, gid: 0, mode: 0o40755 },
    "/data/state.json": root,
    "/data/state.json.lock": root,
    "/data/watchdog.config.json": root,
  });
  dropPrivilegesFromEnv(ENV, system);
  assert.deepEqual(
    calls.filter((call) => call.startsWith("chown")),
    ["chown /data 1000:1000", "chown /data/state.json 1000:1000", "chown /data/state.json.lock 1000:1000"],
  );
  assert.equal(calls.at(-1), "setuid 1000");
});

test("a state folder that cannot be handed over is told, and root is given away", () => {
  const { system, calls } = machine(
    { [SOCKET]: { uid: 0, gid: 998, mode: 0o660 }, "/data": { uid: 0, gid: 0, mode: 0o40755 } },
    { refuse: ["chown"] },
  );
  const outcome = dropPrivilegesFromEnv(ENV, system);
  assert.equal(calls.at(-1), "setuid 1000");
  assert.match(outcome.ok ? outcome.warnings.join() : "", /\/data could not be given.*EPERM.*chown -R/);
});

test("a state folder that is the user's alone needs nothing, though root may not list it", () => {
  const { system, calls } = machine(
    { [SOCKET]: { uid: 0, gid: 998, mode: 0o660 }, "/data": { uid: 1000, gid: 1000, mode: 0o40700 } },
    { refuse: ["list"] },
  );
  const outcome = dropPrivilegesFromEnv(ENV, system);
  assert.equal(calls[0], "setgroups 1000,998");
  assert.deepEqual(outcome.ok && outcome.warnings, []);
});

test("nothing is touched without WATCHDOG_RUN_AS, without root, or when root is asked for", () => {
  const files = { [SOCKET]: { uid: 0, gid: 998, mode: 0o660 }, "/data": { uid: 0, gid: 0, mode: 0o40755 } };
  const cases = [
    { env: {}, uid: 0 },
    { env: ENV, uid: 1000 },
    { env: { ...ENV, WATCHDOG_RUN_AS: "0:0" }, uid: 0 },
  ];
  for (const { env, uid } of cases) {
    const { system, calls } = machine(files, { uid });
    const outcome = dropPrivilegesFromEnv(env, system);
    assert.deepEqual(calls, []);
    assert.equal(outcome.ok && outcome.dropped, false);
  }
});

test("root that cannot be given away is a fault that says how", () => {
  const { system } = machine(
    { [SOCKET]: { uid: 0, gid: 998, mode: 0o660 }, "/data": DATA },
    { refuse: ["setuid"] },
  );
  const outcome = dropPrivilegesFromEnv(ENV, system);
  assert.equal(outcome.ok, false);
  assert.match(outcome.reason, /could not become 1000:1000: EPERM.*SETUID and SETGID.*--group-add/);
});

test("a user that is not a pair of numbers is a fault", () => {
  for (const value of ["node", "1000", "1000:docker", "-1:0"]) {
    const { system, calls } = machine({});
    const outcome = dropPrivilegesFromEnv({ WATCHDOG_RUN_AS: value }, system);
    assert.equal(outcome.ok, false);
    assert.deepEqual(calls, []);
  }
});

test("an empty WATCHDOG_RUN_AS never leaves the process root", () => {
  for (const value of ["", " ", "\t"]) {
    const { system, calls } = machine({});
    const outcome = dropPrivilegesFromEnv({ WATCHDOG_RUN_AS: value }, system);
    assert.equal(outcome.ok, false);
    assert.match(outcome.reason, /WATCHDOG_RUN_AS is empty.*1000:1000.*0:0/);
    assert.deepEqual(calls, []);
    const unprivileged = machine({}, { uid: 1000 });
    assert.equal(dropPrivilegesFromEnv({ WATCHDOG_RUN_AS: value }, unprivileged.system).ok, true);
  }
});

/** Every route of the watchdog, and the handler that answers it. */
import type { Context, Hono } from "hono";
import type { OperatorRequest } from "../core/event.ts";
import { parseDurationMs } from "../plugin/settings.ts";
import { acting, only, refuse } from "./answer.ts";
import { originOf } from "./gate.ts";
import type { HttpWorld } from "./world.ts";

/** How load balancers probe: HAProxy's default check is OPTIONS. */
const PROBES = ["GET", "HEAD", "OPTIONS"];
const ACTIONS = ["pause", "resume", "restart"] as const;
const LONGEST_PAUSE_MS = 365 * 86_400_000;
const NAME_LIMIT = 80;

export function addRoutes(app: Hono, world: HttpWorld): void {
  // The method is checked in `only` and `acting`: Hono itself would answer HEAD with the handler of GET.
  app.all(
    "/livez",
    only(PROBES, (c) => c.json({ status: "ok" })),
  );
  app.all(
    "/readyz",
    only(PROBES, (c) => readiness(c, world)),
  );
  app.all(
    "/health",
    only(PROBES, (c) => readiness(c, world)),
  );
  app.options("/", (c) => readiness(c, world));
  app.all(
    "/tick",
    acting(["POST", "GET"], world, (c) => tick(c, world)),
  );
  app.all(
    "/status",
    only(["GET"], (c) => c.json(world.status())),
  );
  app.all(
    "/reload",
    acting(["POST"], world, (c) => reload(c, world)),
  );
  app.all(
    "/config",
    only(["GET"], (c) => c.json(world.config())),
  );
  app.all(
    "/services/:name",
    only(["GET"], (c) => service(c, world)),
  );
  app.all(
    "/incidents",
    only(["GET"], async (c) => c.json(await world.incidents())),
  );
  app.all(
    "/incidents/:id",
    only(["GET"], (c) => incident(c, world)),
  );
  for (const action of ACTIONS) {
    app.all(
      `/${action}`,
      acting(["POST"], world, (c) => operate(c, world, action, "")),
    );
    app.all(
      `/services/:name/${action}`,
      acting(["POST"], world, (c) => operate(c, world, action, c.req.param("name")!)),
    );
  }
  app.all(
    "/outbox",
    only(["GET"], (c) => c.json(world.outbox())),
  );
  app.all(
    "/outbox/:id/retry",
    acting(["POST"], world, (c) => retry(c, world)),
  );
}
function readiness(c: Context, world: HttpWorld): Response {
  const { ok, reason } = world.readiness();
  return c.json({ status: ok ? "ok" : "unready", reason }, ok ? 200 : 503);
}

async function tick(c: Context, world: HttpWorld): Promise<Response> {
  const running = world.tick();
  if (c.req.query("wait") === "0" || c.req.header("prefer")?.includes("respond-async")) {
    return c.json({ status: "accepted" }, 202);
  }
  const result = await running;
  if (result.ok) return c.json(result.report);
  return c.json({ ...result.report, status: "error", error: result.reason }, 500);
}

async function reload(c: Context, world: HttpWorld): Promise<Response> {
  const result = await world.reload(originOf(c));
  if (result.ok) return c.json({ status: "ok", message: result.text });
  return c.json({ status: "error", error: result.text, faults: result.faults }, 422);
}

async function service(c: Context, world: HttpWorld): Promise<Response> {
  const name = c.req.param("name")!;
  const found = await world.service(name);
  return found ? c.json(found) : refuse(c, 404, `there is no service "${name.slice(0, NAME_LIMIT)}"`);
}

async function incident(c: Context, world: HttpWorld): Promise<Response> {
  const id = c.req.param("id")!;
  const found = await world.incident(id);
  return found ? c.json(found) : refuse(c, 404, `no incident "${id.slice(0, NAME_LIMIT)}" is kept`);
}

async function operate(
  c: Context,
  world: HttpWorld,
  action: OperatorRequest["action"],
  service: string,
): Promise<Response> {
  const pause: PauseLength = action === "pause" ? pauseLengthOf(c, world.tokens.length > 0) : { ok: true };
  if (!pause.ok) return refuse(c, 400, pause.error);
  const { code, text } = await world.operate({
    action,
    service,
    origin: originOf(c),
    ...(pause.ms === undefined ? {} : { untilAt: world.now() + pause.ms }),
    force: action === "restart" && c.req.query("force") === "1",
  });
  if (code === "done") return c.json({ status: "ok", message: text });
  return refuse(c, code === "unknown_service" ? 404 : 409, text);
}

async function retry(c: Context, world: HttpWorld): Promise<Response> {
  const id = c.req.param("id")!;
  if (await world.replay(id)) return c.json({ status: "ok", message: `${id} is tried again` });
  return refuse(c, 404, `there is no dead letter "${id.slice(0, NAME_LIMIT)}": GET /outbox lists them`);
}

/** Without `ms` the pause has no end: only somebody who has a token may ask for that. */
type PauseLength = { ok: true; ms?: number } | { ok: false; error: string };

function pauseLengthOf(c: Context, hasTokens: boolean): PauseLength {
  const given = c.req.query("for");
  const accepted = 'for=: a duration up to 365d, such as "30m" or "2h"';
  if (given === undefined) {
    if (hasTokens) return { ok: true };
    return {
      ok: false,
      error: `a pause without an end needs a token (none is configured); give ${accepted}`,
    };
  }
  const ms = parseDurationMs(/^\d+$/.test(given) ? Number(given) : given);
  if (ms !== undefined && ms > 0 && ms <= LONGEST_PAUSE_MS) return { ok: true, ms };
  const shown = JSON.stringify(given.slice(0, 40));
  return { ok: false, error: `for=${shown} is not accepted; give ${accepted}` };
}

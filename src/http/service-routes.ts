/** What people ask of services: why, and to pause, resume or restart one or all of them. */
import type { Context, Hono } from "hono";
import { parseDurationMs } from "../config/fields.ts";
import type { OperatorRequest } from "../core/event.ts";
import { only, refuse } from "./answer.ts";
import type { AppWorld } from "./app.ts";

const ACTIONS = ["pause", "resume", "restart"] as const;
const LONGEST_PAUSE_MS = 365 * 86_400_000;

export function addServiceRoutes(app: Hono, world: AppWorld): void {
  app.all(
    "/services/:name",
    only(["GET"], (c) => detail(c, world)),
  );
  app.all(
    "/incidents/:id",
    only(["GET"], (c) => incident(c, world)),
  );
  for (const action of ACTIONS) {
    app.all(
      `/${action}`,
      only(["POST"], (c) => operate(c, world, action, "")),
    );
    app.all(
      `/services/:name/${action}`,
      only(["POST"], (c) => operate(c, world, action, c.req.param("name")!)),
    );
  }
}

async function detail(c: Context, world: AppWorld): Promise<Response> {
  const name = c.req.param("name")!;
  const found = await world.service(name);
  return found ? c.json(found) : refuse(c, 404, `there is no service "${name.slice(0, 80)}"`);
}

async function incident(c: Context, world: AppWorld): Promise<Response> {
  const id = c.req.param("id")!;
  const found = await world.incident(id);
  return found ? c.json(found) : refuse(c, 404, `no incident "${id.slice(0, 80)}" is kept`);
}

async function operate(
  c: Context,
  world: AppWorld,
  action: OperatorRequest["action"],
  service: string,
): Promise<Response> {
  if (!world.accepting()) return refuse(c, 503, "the watchdog is shutting down");
  const period = pauseMs(c, action, world.tokens.length > 0);
  if (typeof period === "string") return refuse(c, 400, period);
  const answer = await world.operate({
    action,
    service,
    origin: originOf(c),
    ...(period === undefined ? {} : { untilAt: world.now() + period }),
    force: action === "restart" && c.req.query("force") === "1",
  });
  if (answer.done) return c.json({ status: "ok", message: answer.text });
  return refuse(c, /^there is no service/.test(answer.text) ? 404 : 409, answer.text);
}

/** How long to pause, ms; `undefined` for no end; a text that says what is wrong. */
function pauseMs(c: Context, action: string, authorised: boolean): number | undefined | string {
  if (action !== "pause") return undefined;
  const said = c.req.query("for");
  const accepted = 'for=: a duration up to 365d, such as "30m" or "2h"';
  if (said === undefined) {
    return authorised
      ? undefined
      : `a pause without an end needs a token (none is configured); give ${accepted}`;
  }
  const ms = parseDurationMs(/^\d+$/.test(said) ? Number(said) : said);
  if (ms === undefined || ms <= 0 || ms > LONGEST_PAUSE_MS) {
    return `for=${JSON.stringify(said.slice(0, 40))} is not accepted; give ${accepted}`;
  }
  return ms;
}

/** Who asked: the name in `by=`, and the address that the request came from. */
function originOf(c: Context): string {
  const by = (c.req.query("by") ?? "")
    .replace(/[^\p{L}\p{N} ._@-]/gu, "")
    .slice(0, 60)
    .trim();
  const env = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  const address = env?.incoming?.socket?.remoteAddress ?? "HTTP";
  return by === "" ? address : `${by} (${address})`;
}

/** The Hono app: the routes of design.md, section 5, over whatever makes ticks. */
import type { Context } from "hono";
import { Hono } from "hono";
import type { OperatorRequest } from "../core/event.ts";
import type { TickResult } from "../tick/report.ts";
import { only, refuse } from "./answer.ts";
import { createAuth } from "./auth.ts";
import { addOutboxRoutes } from "./outbox-routes.ts";
import { addServiceRoutes } from "./service-routes.ts";

export interface AppWorld {
  tokens: readonly string[];
  tick(): Promise<TickResult>;
  /** `false` while shutting down. */
  accepting(): boolean;
  readiness(): { ok: boolean; reason: string };
  status(): object;
  service(name: string): Promise<object | undefined>;
  incident(id: string): Promise<object | undefined>;
  operate(request: OperatorRequest): Promise<{ done: boolean; text: string }>;
  outbox(): object;
  replay(id: string): Promise<boolean>;
  now(): number;
}

const OPEN_PATHS = new Set(["/livez", "/readyz", "/health"]);

export function createApp(world: AppWorld): Hono {
  const app = new Hono();
  const allowed = createAuth(world.tokens);

  app.use(async (c, next) => {
    c.header("Cache-Control", "no-store");
    if (!world.accepting()) c.header("Connection", "close");
    if (!OPEN_PATHS.has(c.req.path) && world.tokens.length === 0 && isFromAPage(c)) {
      return refuse(c, 403, "requests of web pages are refused where no token is configured");
    }
    if (!OPEN_PATHS.has(c.req.path) && !allowed(c.req.header("authorization"))) {
      c.header("WWW-Authenticate", 'Bearer realm="spreadpilot-watchdog"');
      return refuse(c, 401, "a valid token is needed: Authorization: Bearer <WATCHDOG_TOKEN>");
    }
    await next();
  });

  app.all(
    "/livez",
    only(["GET", "HEAD"], (c) => c.json({ status: "ok" })),
  );
  for (const path of ["/readyz", "/health"]) {
    app.all(
      path,
      only(["GET", "HEAD"], (c) => readiness(c, world)),
    );
  }
  app.all(
    "/status",
    only(["GET"], (c) => c.json(world.status())),
  );
  app.all(
    "/tick",
    only(["POST", "GET"], (c) => tick(c, world)),
  );
  addServiceRoutes(app, world);
  addOutboxRoutes(app, world);
  app.notFound((c) =>
    c.json({ status: "error", error: `there is no ${c.req.path.slice(0, 100)} here` }, 404),
  );
  app.onError((error, c) => c.json({ status: "error", error: `internal error: ${error.name}` }, 500));
  return app;
}

const LOOPBACK_HOST = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i;

/**
 * Over loopback without a token, any page in a browser on this machine could have containers restarted:
 * by a request across sites, or by a name of its own that resolves to loopback.
 */
function isFromAPage(c: Context): boolean {
  const host = c.req.header("host") ?? "";
  const origin = c.req.header("origin");
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none") return true;
  if (origin !== undefined && origin.replace(/^https?:\/\//, "") !== host) return true;
  return host !== "" && !LOOPBACK_HOST.test(host);
}

function readiness(c: Context, world: AppWorld): Response {
  const { ok, reason } = world.readiness();
  return c.json({ status: ok ? "ok" : "unready", reason }, ok ? 200 : 503);
}

async function tick(c: Context, world: AppWorld): Promise<Response> {
  if (!world.accepting()) {
    c.header("Retry-After", "5");
    return refuse(c, 503, "the watchdog is shutting down");
  }
  const running = world.tick();
  if (c.req.query("wait") === "0" || c.req.header("prefer")?.includes("respond-async")) {
    return c.json({ status: "accepted" }, 202);
  }
  const result = await running;
  if (result.ok) return c.json(result.report);
  return c.json({ ...result.report, status: "error", error: result.reason }, 500);
}

/** The Hono app: the gate in front, the routes behind it. Tested through `app.request()`, without a socket. */
import { Hono } from "hono";
import { refuse } from "./answer.ts";
import { addressOf, createGate } from "./gate.ts";
import { addRoutes } from "./routes.ts";
import type { HttpWorld } from "./world.ts";

export function createApp(world: HttpWorld): Hono {
  const app = new Hono();
  const refusalOf = createGate(() => world.tokens);

  app.use(async (c, next) => {
    c.header("Cache-Control", "no-store");
    if (!world.accepting()) c.header("Connection", "close");
    const refusal = refusalOf(c);
    if (refusal === undefined) return next();
    const { status, error, why } = refusal;
    if (status === 401) c.header("WWW-Authenticate", 'Bearer realm="spreadpilot-watchdog"');
    world.refused({
      address: addressOf(c) ?? "HTTP",
      method: c.req.raw.method,
      path: c.req.path,
      status,
      why,
    });
    return refuse(c, status, error);
  });
  addRoutes(app, world);
  app.notFound((c) => refuse(c, 404, `there is no ${c.req.path.slice(0, 100)} here`));
  app.onError((error, c) => refuse(c, 500, `internal error: ${error.name}`));
  return app;
}

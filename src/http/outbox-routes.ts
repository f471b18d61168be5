/** What waits to be delivered, what is dead, and to try a dead letter again. */
import type { Hono } from "hono";
import { only, refuse } from "./answer.ts";
import type { AppWorld } from "./app.ts";

export function addOutboxRoutes(app: Hono, world: AppWorld): void {
  app.all(
    "/outbox",
    only(["GET"], (c) => c.json(world.outbox())),
  );
  app.all(
    "/outbox/:id/retry",
    only(["POST"], async (c) => {
      const id = c.req.param("id")!;
      if (await world.replay(id)) return c.json({ status: "ok", message: `${id} is tried again` });
      return refuse(c, 404, `there is no dead letter "${id.slice(0, 80)}": GET /outbox lists them`);
    }),
  );
}

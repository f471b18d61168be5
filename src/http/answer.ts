/** What the routes have in common: refusals, and which methods a route takes. */
import type { Context } from "hono";

type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 409 | 500 | 503;

export function refuse(c: Context, status: RefusalStatus, error: string): Response {
  return c.json({ status: "error", error }, status);
}

/** Answers other methods with 405. Hono rewrites HEAD to GET, so the method is read from the raw request. */
export function only(methods: string[], handle: (c: Context) => Response | Promise<Response>) {
  return (c: Context) => {
    if (methods.includes(c.req.raw.method)) return handle(c);
    c.header("Allow", methods.join(", "));
    return refuse(
      c,
      405,
      `${c.req.path.slice(0, 100)} takes ${methods.join(" or ")}, not ${c.req.raw.method}`,
    );
  };
}

/** As `only`, for routes that change something: they are refused while the watchdog shuts down. */
export function acting(
  methods: string[],
  world: { accepting(): boolean },
  handle: (c: Context) => Response | Promise<Response>,
) {
  return only(methods, (c) => {
    if (world.accepting()) return handle(c);
    c.header("Retry-After", "5");
    return refuse(c, 503, "the watchdog is shutting down");
  });
}

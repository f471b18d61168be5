import type { Context } from "hono";

export type RefusalStatus = 400 | 401 | 403 | 404 | 405 | 409 | 500 | 503;

export function refuse(c: Context, status: RefusalStatus, error: string): Response {
  return c.json({ status: "error", error }, status);
}

/** Hono would run a GET handler for HEAD: the method is that of the request as it came. */
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

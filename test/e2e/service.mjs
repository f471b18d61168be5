// A stand-in of one of SpreadPilot's services, run inside a container by `node --input-type=module -e`.
// GET /break?mode=500|hang|exit breaks it until it is started again; any other path is its health.
import { createServer } from "node:http";

const { PORT, HEALTH_PATH, STOPS_SLOWLY, READY_AFTER_S, DIES_AFTER_S, NEEDS, LAST_WORDS } = process.env;
const startedMs = performance.now();
let mode = "ok";

function die() {
  if (LAST_WORDS) console.error(LAST_WORDS);
  process.exit(3);
}

/** Not well while it is broken, while it is starting, and while what it needs is not well. */
async function status() {
  if (mode === "500") return 500;
  if (READY_AFTER_S && performance.now() - startedMs < READY_AFTER_S * 1000) return 503;
  if (!NEEDS) return 200;
  const { ok } = await fetch(NEEDS, { signal: AbortSignal.timeout(500) }).catch(() => ({ ok: false }));
  return ok ? 200 : 502;
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://service");
  if (pathname === "/break") {
    mode = searchParams.get("mode");
    response.end(`${mode}\n`, () => mode === "exit" && die());
  } else if (pathname !== HEALTH_PATH) {
    response.writeHead(404).end();
  } else if (mode !== "hang") {
    response.writeHead(await status()).end(mode);
  }
});
if (DIES_AFTER_S === "0") die();
server.listen(Number(PORT));
if (DIES_AFTER_S) setTimeout(die, DIES_AFTER_S * 1000);
// As process 1 it ignores SIGTERM unless it asks for it: that is how a service that stops slowly is made.
if (STOPS_SLOWLY !== "1") process.on("SIGTERM", () => process.exit(0));

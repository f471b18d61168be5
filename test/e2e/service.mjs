// A stand-in of one of SpreadPilot's services, run inside a container by `node --input-type=module -e`.
// GET /break?mode=500|hang|exit breaks it until it is started again; any other path is its health.
import { createServer } from "node:http";

let mode = "ok";
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://service");
  if (pathname === "/break") {
    mode = searchParams.get("mode");
    response.end(`${mode}\n`, () => mode === "exit" && process.exit(3));
  } else if (pathname !== process.env.HEALTH_PATH) {
    response.writeHead(404).end();
  } else if (mode !== "hang") {
    response.writeHead(mode === "500" ? 500 : 200).end(mode);
  }
});
server.listen(Number(process.env.PORT));
// As process 1 it ignores SIGTERM unless it asks for it: that is how a service that stops slowly is made.
if (process.env.STOPS_SLOWLY !== "1") process.on("SIGTERM", () => process.exit(0));

// A stand-in of one of SpreadPilot's services, and the ways to break it. Plain JavaScript, so that it starts
// fast and runs in a container that holds nothing but Node.
//   GET /health            200, or 503 when the database at DATABASE_URL does not answer
//   GET /who               which process answers, and since when
//   GET /break?mode=MODE   500, hang, deaf (hangs, and ignores SIGTERM), crash, or blip (two bad answers)
import { createServer, get } from "node:http";

const { PORT, HOST = "127.0.0.1", DATABASE_URL } = process.env;
let mode = "well";
let badAnswers = 0;

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://stand-in");
  if (pathname === "/break") {
    mode = searchParams.get("mode");
    if (mode === "blip") badAnswers = 2;
    response.end(`${mode}\n`, () => mode === "crash" && process.exit(3));
  } else if (pathname === "/who") {
    response.end(JSON.stringify({ pid: process.pid, since: performance.timeOrigin }));
  } else if (pathname !== "/health") {
    response.writeHead(404).end();
  } else if (mode !== "hang" && mode !== "deaf") {
    response.writeHead(await health()).end();
  }
});

async function health() {
  if (mode === "500") return 500;
  if (badAnswers > 0) {
    badAnswers -= 1;
    return 503;
  }
  return DATABASE_URL === undefined || (await answers(DATABASE_URL)) ? 200 : 503;
}

function answers(url) {
  return new Promise((resolve) => {
    const asked = get(url, { timeout: 500, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(false));
  });
}

process.on("SIGTERM", () => {
  if (mode !== "deaf") process.exit(0);
});
// Whoever kills the demo with SIGKILL leaves nothing behind. (In a container it has no parent: 0.)
const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(1), 1000).unref();
server.listen(Number(PORT), HOST);

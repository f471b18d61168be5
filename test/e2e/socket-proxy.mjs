// A stand-in of wollomatic/socket-proxy, run inside a container: allows a method on the paths that its
// pattern matches as a whole, answers 403 to all else, and prints every request.
import { request as connect, createServer } from "node:http";

const allowed = JSON.parse(process.env.ALLOWED);
const server = createServer((request, response) => {
  const { method, url, headers } = request;
  const pattern = allowed[method];
  const ok =
    pattern !== undefined && new RegExp(`^(${pattern})$`).test(new URL(url, "http://docker").pathname);
  console.log(`${ok ? "allowed" : "denied"} ${method} ${url}`);
  if (!ok) return response.writeHead(403, { "content-type": "text/plain; charset=utf-8" }).end("Forbidden\n");
  const engine = connect({ socketPath: "/var/run/docker.sock", method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  engine.on("error", () => response.destroy());
  request.pipe(engine);
});
server.listen(2375);
process.on("SIGTERM", () => process.exit(0));

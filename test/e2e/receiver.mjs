// A receiver of alerts, run inside a container: prints every request as one line of JSON, then answers 204.
import { createServer } from "node:http";

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const { method, url, headers } = request;
  const body = Buffer.concat(chunks).toString("base64");
  console.log(JSON.stringify({ method, url, headers, body }));
  response.writeHead(204).end();
});
server.listen(9000, () => console.error("listening"));
process.on("SIGTERM", () => process.exit(0));

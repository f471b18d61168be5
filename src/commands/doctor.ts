import type { Examined } from "../doctor/finding.ts";
import { bootstrap } from "./bootstrap.ts";
import { ask } from "./client.ts";
import { EXIT } from "./command.ts";

/** Examines what the watchdog needs. Exits with 0 if nothing is wrong, with 2 if the configuration is. */
export async function doctorCommand(asJson: boolean): Promise<number> {
  const { config, registry, ports, log } = await bootstrap();
  const [{ examine }, { render }] = await Promise.all([
    import("../doctor/doctor.ts"),
    import("../doctor/finding.ts"),
  ]);
  const { host, port } = config;
  const found = await examine({ config, registry }, ports, () => ask({ host, port }, "/readyz"));
  const isWell = found.every(({ level }) => level !== "wrong");
  await log.flush();
  const text = asJson
    ? `${JSON.stringify({ ok: isWell, findings: found })}\n`
    : `${render(found)}${ending(found)}\n`;
  // Explicitly: a name that is still looked up would keep the process alive.
  return new Promise(() => process.stdout.write(text, () => process.exit(isWell ? EXIT.ok : EXIT.failed)));
}

function ending(found: readonly Examined[]): string {
  const count = found.filter(({ level }) => level === "wrong").length;
  if (count === 0) return "All is well.";
  return count === 1 ? "One thing is wrong." : `${count} things are wrong.`;
}

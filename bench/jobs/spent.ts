/** What one piece of work cost this process. */
export interface Spent {
  cpuMs: number;
  wallMs: number;
  /** The most memory that the process ever held. */
  peakRssBytes: number;
}

export async function spend(work: () => unknown): Promise<Spent> {
  const before = process.cpuUsage();
  const startedMs = performance.now();
  await work();
  const wallMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, wallMs, peakRssBytes: process.resourceUsage().maxRSS * 1024 };
}

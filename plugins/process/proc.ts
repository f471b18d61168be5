/** Reads `/proc` of Linux. On other systems, and where `/proc` is hidden, nothing is known. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readFile } from "node:fs/promises";
import process from "node:process";

interface Found {
  /** In ticks since boot. Together with the pid, it identifies one process for ever. */
  start: string;
  /** It has ended, but its parent has not collected its exit status. */
  isOver: boolean;
  /** The process number of the group's leader if the group is a session of its own, else 0. */
  group: number;
}

export interface Marked {
  pid: number;
  start: string;
  group: number;
  value: string;
}

export interface Proc {
  /** Identifies this boot and this pid namespace: pids mean nothing in another one. Empty if unknown. */
  world: string;
  find(pid: number): Found | undefined;
  /** All running processes that were started with this variable in their environment, oldest first. */
  marked(variable: string): Promise<Marked[]>;
}

export function openProc(root = "/proc"): Proc {
  /**
   * proc(5): the name in field 2 may contain anything. Then come state, parent, group, session, …; field 22 is the
   * start.
   */
  function find(pid: number): Found | undefined {
    const text = read(() => readFileSync(`${root}/${pid}/stat`, "utf8"));
    const [state = "", , group, session, ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const start = rest[15];
    if (start === undefined) return undefined;
    return {
      start,
      isOver: state === "Z" || state === "X",
      group: group === session ? Number(group) : 0,
    };
  }

  function worldNow(): string {
    if (find(process.pid) === undefined) return "";
    const boot = read(() => readFileSync(`${root}/sys/kernel/random/boot_id`, "utf8")).trim();
    const numbers = read(() => readlinkSync(`${root}/self/ns/pid`));
    // Namespace numbers are reused, but not together with the same start of the first process.
    return [boot, numbers, find(1)?.start ?? ""].join(" ");
  }

  async function marked(variable: string): Promise<Marked[]> {
    const all: Marked[] = [];
    for (const name of read(() => readdirSync(root).join(" ")).split(" ")) {
      const pid = /^\d+$/.test(name) ? Number(name) : process.pid;
      const found = pid === process.pid ? undefined : find(pid);
      if (!found?.group || found.isOver) continue;
      const environment = await readFile(`${root}/${pid}/environ`, "utf8").catch(() => "");
      const entry = environment.split("\0").find((one) => one.startsWith(`${variable}=`));
      if (!entry) continue;
      all.push({ pid, start: found.start, group: found.group, value: entry.slice(variable.length + 1) });
    }
    return all.sort((a, b) => Number(a.start) - Number(b.start));
  }

  return { world: worldNow(), find, marked };
}

function read(from: () => string): string {
  try {
    return from();
  } catch {
    return "";
  }
}

/** Puts what was observed into lines, in the order in which it happened, at a pace that can be read. */
import { type Colour, columns, hang, paint, wrap } from "./paint.ts";

/** Where it was seen: `check` in `/status`, `log` in the watchdog's log, `alert` at the receiver. */
type Source = "check" | "log" | "alert";

export interface Happening {
  /** ms since the epoch, by the watchdog's own word where it says one. */
  at: number;
  source: Source;
  mark: string;
  colour: Colour;
  text: string;
}

export interface Narrator {
  happened(happening: Happening): void;
  /** Prints at once. */
  say(...lines: string[]): void;
  paragraph(text: string, colour?: Colour): void;
  /** From now on, times are counted from here. */
  startClock(at: number): void;
  /** Resolves when all that has happened is printed. */
  caughtUp(): Promise<void>;
  /** Time to read; none when in a hurry. */
  pause(ms: number): Promise<void>;
  end(): void;
}

/** What comes by other ways may arrive a little late: it waits for its turn so long. */
const SETTLE_MS = 300;
const READING_MS = 350;
const ORDER: Source[] = ["check", "log", "alert"];
const COLOURS: Record<Source, Colour> = {
  check: "blue",
  log: "cyan",
  alert: "yellow",
};

export function createNarrator(hurry: boolean): Narrator {
  let waiting: Happening[] = [];
  let startedAt = Date.now();
  let printedAt = 0;
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const say = (...lines: string[]) => process.stdout.write(`${lines.join("\n")}\n`);

  function printDue(): void {
    const now = Date.now();
    if (now - printedAt < (hurry ? 0 : READING_MS)) return;
    waiting.sort((a, b) => place(a) - place(b));
    while (waiting.length > 0 && now - waiting[0]!.at > SETTLE_MS) {
      say(line(waiting.shift()!, startedAt));
      printedAt = now;
      if (!hurry) return;
    }
  }
  const timer = setInterval(printDue, 50);

  return {
    say,
    happened: (happening) => waiting.push(happening),
    paragraph: (text, colour = "dim") =>
      say(...wrap(text, columns() - 2).map((one) => `  ${paint(colour, one)}`)),
    startClock(at) {
      startedAt = at;
    },
    async caughtUp() {
      while (waiting.length > 0) await sleep(50);
    },
    pause: (ms) => (hurry ? Promise.resolve() : sleep(ms)),
    end() {
      clearInterval(timer);
      waiting = [];
    },
  };
}

/** Of one moment (8 ms), the cause comes before what followed. */
const place = ({ at, source }: Happening) => at + 8 * ORDER.indexOf(source);

function line({ at, source, mark, colour, text }: Happening, startedAt: number): string {
  const time = `${((at - startedAt) / 1000).toFixed(1)} s`.padStart(8);
  const head = `${paint("dim", time)}  ${paint(COLOURS[source], source.padEnd(5))}  ${paint(colour, mark)} `;
  return hang(head, 19, text);
}

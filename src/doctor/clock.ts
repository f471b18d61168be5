/** Whether our clock is right, by what others said that it is. */
import type { Found } from "./finding.ts";
import type { Dated } from "./receivers.ts";

/** Webhook signatures are refused when they are 5 minutes old; alerts and pauses are wrong before that. */
const APART_MS = 5000;
/** `Date` has whole seconds. */
const ROUNDING_MS = 1000;

/** `clockAt`: the latest time that the state file knows; absent without one. Times in ms since the epoch. */
export function judgeClock(dates: readonly Dated[], clockAt: number | undefined, now: number): Found[] {
  const found: Found[] = [];
  const apart = dates
    .map(({ who, theirs, ours }) => ({ who, ms: theirs - ours }))
    .filter(({ ms }) => ms > APART_MS || ms < -APART_MS - ROUNDING_MS);
  const [first] = apart.sort((a, b) => Math.abs(a.ms) - Math.abs(b.ms));
  // One that is right shows that it is the others' clocks.
  if (first && apart.length === dates.length) {
    const way = first.ms > 0 ? "behind" : "ahead of";
    found.push(wrong(`our clock is ${span(Math.abs(first.ms))} ${way} that of ${first.who}`));
  }
  if (clockAt !== undefined && clockAt - now > APART_MS) {
    found.push(
      wrong(`the state was saved ${span(clockAt - now)} in the future: the clock was set back, or is wrong`),
    );
  }
  if (found.length > 0) return found;
  const by = [
    ...(dates.length > 0 ? ["receivers"] : []),
    ...(clockAt === undefined ? [] : ["the state file"]),
  ];
  if (by.length === 0) return [{ level: "ok", text: "nothing to compare it with but the engine" }];
  return [{ level: "ok", text: `agrees with ${by.join(" and ")}` }];
}

const wrong = (text: string): Found => ({
  level: "wrong",
  text,
  todo: "set it by NTP (`timedatectl set-ntp true`)",
});

function span(ms: number): string {
  const s = Math.round(ms / 1000);
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} days`;
}

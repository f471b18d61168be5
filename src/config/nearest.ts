/** The Levenshtein distance, ignoring case. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The known word that a mistyped word probably means, or `undefined` if none is close. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  if (word.length > 64) return undefined;
  const typed = word.toLowerCase();
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const away = distance(typed, candidate.toLowerCase());
    // Without this limit, `url` would be close to `x`.
    if (away < least && away < candidate.length) {
      best = candidate;
      least = away;
    }
  }
  return best;
}

/** What to write instead of an unknown word: the nearest known word, or a list of all. */
export function suggest(word: string, known: Iterable<string>, none = "no key here"): string {
  const words = [...known];
  const near = nearest(word, words);
  if (near !== undefined) return `"${near}" (the nearest known one)`;
  return words.length === 0 ? none : `one of ${words.map((one) => `"${one}"`).join(", ")}`;
}

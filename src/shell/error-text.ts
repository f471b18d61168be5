/** What an error says, in one bounded line; for errors of plugins and of the system. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s+/g, " ").trim().slice(0, 300);
}

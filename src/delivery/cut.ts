/** At most `limit` code points, the last an ellipsis if it was longer; half a surrogate pair is replaced. */
export function cut(text: string, limit = Number.POSITIVE_INFINITY): string {
  const whole = text.replace(/\p{Surrogate}/gu, "\uFFFD");
  if (whole.length <= limit) return whole;
  const characters = [...whole.slice(0, 2 * limit + 2)];
  return characters.length <= limit ? whole : `${characters.slice(0, limit - 1).join("")}…`;
}

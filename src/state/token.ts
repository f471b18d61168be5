/** A word that no other owner of a state file has. No secret: node:crypto would cost a one-shot start 2 ms. */
export function freshToken(): string {
  const part = () =>
    Math.floor(Math.random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, "0");
  return `${part()}${part()}${part()}${part()}`;
}

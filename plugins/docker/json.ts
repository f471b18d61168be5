/** Reads values of JSON whose shape is not guaranteed. A value of another type is read as empty. Pure. */

export type Json = Record<string, unknown>;

export const object = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
export const text = (value: unknown): string => (typeof value === "string" ? value : "");
export const number = (value: unknown): number =>
  typeof value === "number" && Number.isFinite(value) ? value : 0;

/** A state store without a disk, owned by whoever has it, unless a test says otherwise. */
import type { StateStore } from "../../src/state/store.ts";

export function memoryStore(changes: Partial<StateStore> = {}): StateStore {
  return {
    save: async () => ({ ok: true }),
    mayAct: async () => undefined,
    isOwner: async () => true,
    lost: () => undefined,
    close: async () => {},
    ...changes,
  };
}

import type { Socket } from "node:net";
import type { Alarms } from "../network/alarms.ts";

/** A peer that is well closes its side within a few ms. */
const LEAVE_MS = 250;
const MOST_LEAVING = 64;

/** Sockets that wait for their peer to close, the oldest first. They are the process's, as its descriptors are. */
const leaving = new Set<Socket>();

/**
 * Ends a connection in order: says that it is over, and waits a moment for the peer to say so too. What the peer
 * still sends is read, because a socket that is closed over unread bytes resets the connection, which servers log.
 */
export function takeLeave(socket: Socket, alarms: Alarms): void {
  if (socket.destroyed || socket.connecting) {
    socket.destroy();
    return;
  }
  leaving.add(socket);
  const callOff = alarms.after(LEAVE_MS, () => socket.destroy());
  socket.once("close", () => {
    leaving.delete(socket);
    callOff();
  });
  socket.end();
  // The one that has waited longest is the least likely to be answered.
  if (leaving.size > MOST_LEAVING) for (const oldest of leaving) return void oldest.destroy();
}

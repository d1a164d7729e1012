import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";

/** Addresses on this machine that nobody listens on, one for each rank. */
export async function freeLocalAddresses(numRanks: number): Promise<string[]> {
  const servers = Array.from({ length: numRanks }, () => createServer());
  // All at once, so that no port is given twice.
  const ports = await Promise.all(servers.map((server) => portOf(server)));
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports.map((port) => `127.0.0.1:${port}`);
}

async function portOf(server: Server): Promise<number> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new TypeError("a port is expected");
  return address.port;
}

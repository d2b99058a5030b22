import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Wire {
  port: number;
  /** How often the answer to a COMMIT was swallowed. */
  readonly cuts: number;
  cutAfterCommit(): void;
  refuse(on: boolean): void;
  /**
   * Holds back everything in both directions, as a network that is down: nothing is lost or closed, new connections too.
   * @param what of which connections; a test of the bytes that a client sends first. Absent: of all
   */
  silence(on: boolean, what?: (first: Buffer) => boolean): void;
  close(): void;
}

interface Link {
  /** What the client sent first. */
  first: Buffer;
  client: Socket;
  upstream: Socket;
}

/** A TCP proxy to the database that can swallow the answer to a COMMIT and cut the connection there. */
export async function startProxy(target: URL): Promise<Wire> {
  let cutting = false;
  let refusing = false;
  let cuts = 0;
  let silent: ((first: Buffer) => boolean) | undefined;
  const links = new Set<Link>();
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (refusing) return void client.destroy();
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    let swallow = false;
    const link: Link = { first: Buffer.alloc(0), client, upstream };
    links.add(link);
    client.on('data', (data: Buffer) => {
      if (link.first.length === 0) {
        link.first = data;
        if (silent?.(data)) for (const socket of [client, upstream]) socket.pause();
      }
      if (cutting && data.includes('COMMIT')) {
        cutting = false;
        swallow = true;
      }
      upstream.write(data);
    });
    upstream.on('data', (data: Buffer) => {
      if (swallow) {
        client.destroy();
        cuts += 1;
        swallow = false;
      } else client.write(data);
    });
    client.on('close', () => {
      links.delete(link);
      upstream.end();
    });
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    cutAfterCommit: () => {
      cutting = true;
    },
    get cuts() {
      return cuts;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
    silence: (on, what = () => true) => {
      silent = on ? what : undefined;
      for (const { first, client: from, upstream } of links) {
        for (const socket of [from, upstream]) {
          if (silent?.(first)) socket.pause();
          else socket.resume();
        }
      }
    },
    refuse: (on) => {
      refusing = on;
      if (on) for (const socket of sockets) socket.destroy();
    },
  };
}

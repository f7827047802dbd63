/** A line between two processes that can be cut, slowed, or fall silent without a word. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Line {
  port: number;
  /** from now on: as if it were not there */
  mend(): void;
  /** every connection is reset, and new ones are too */
  cut(): void;
  /** every byte arrives so much later, in both directions */
  slow(ms: number): void;
  /** connections stay, and are made, but no byte comes through: half-open, as when a router forgets */
  silence(): void;
  close(): Promise<void>;
}

type Mode = { kind: 'passes' | 'cut' | 'silent' } | { kind: 'slow'; ms: number };

/** A proxy on a free loopback port to this one. */
export async function lineTo(port: number): Promise<Line> {
  let mode: Mode = { kind: 'passes' };
  const open = new Set<Socket>();
  const carry = (from: Socket, to: Socket): void => {
    // what is on its way stays in its order, also when the line is mended meanwhile
    const underWay: { at: number; bytes: Buffer }[] = [];
    const arrive = (): void => {
      const now = performance.now();
      while (underWay.length > 0 && underWay[0]!.at <= now) { const { bytes } = underWay.shift()!; if (to.writable) to.write(bytes); }
      if (underWay.length > 0) setTimeout(arrive, Math.ceil(underWay[0]!.at - now));
    };
    from.on('data', (bytes: Buffer) => {
      if (mode.kind === 'silent') return;
      if (mode.kind === 'slow' || underWay.length > 0) {
        underWay.push({ at: performance.now() + (mode.kind === 'slow' ? mode.ms : 0), bytes });
        if (underWay.length === 1) arrive();
        return;
      }
      if (to.writable && !to.write(bytes)) { from.pause(); to.once('drain', () => from.resume()); }
    });
    from.once('close', () => { open.delete(from); to.destroy(); }).on('error', () => from.destroy());
  };
  const server = createServer({ noDelay: true }, (near) => {
    if (mode.kind === 'cut') { near.resetAndDestroy(); return; }
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    open.add(near);
    open.add(far);
    carry(near, far);
    carry(far, near);
  });
  await new Promise<void>((listening) => { server.listen(0, '127.0.0.1', listening); });
  const drop = (): void => { for (const socket of open) socket.resetAndDestroy(); };
  return {
    port: (server.address() as AddressInfo).port,
    mend: () => {
      // what was swallowed meanwhile is gone: these connections can only be made anew
      if (mode.kind === 'silent') drop();
      mode = { kind: 'passes' };
    },
    cut: () => { mode = { kind: 'cut' }; drop(); },
    slow: (ms) => { mode = { kind: 'slow', ms }; },
    silence: () => { mode = { kind: 'silent' }; },
    close: () => new Promise((done) => { drop(); server.close(() => done()); }),
  };
}

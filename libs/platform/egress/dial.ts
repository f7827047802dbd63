import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContextOptions } from 'node:tls';
import ipaddr from 'ipaddr.js';
import type { AddressGuard, Destination } from './address.guard.js';
import type { EgressRecorder, EgressResult } from './egress.js';

type Problem = Extract<EgressResult, { ok: false }>['problem'];

/** A connection that did not come about: nothing of any request was sent on it. */
export class NotConnected extends Error {
  readonly code = 'ERR_NOT_CONNECTED';
  constructor(readonly problem: Problem, detail: string) {
    super(detail);
    this.name = 'NotConnected';
  }
}

/** Name → addresses. Rejects, or answers none, when there is no such name. */
export type Resolve = (host: string) => Promise<string[]>;
/** Begins a TCP connection to one of these addresses, which were all checked. */
export type Dial = (addresses: readonly string[], port: number) => Socket;
/** The passing of time, monotonic: calls `act` after `ms`, unless the answer is called before. */
export interface EgressClock {
  after(ms: number, act: () => void): () => void;
}

/** The machine's own resolver: /etc/hosts and DNS. */
export const systemResolve: Resolve = async (host) => (await lookup(host, { all: true, verbatim: true })).map((found) => found.address);

export const systemClock: EgressClock = {
  after(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};

/** Of several addresses, IPv6 and IPv4 are tried in turn; there is no second look-up, the addresses are those given. */
export const systemDial: Dial = (addresses, port) => {
  const [only] = addresses;
  if (addresses.length === 1 && only !== undefined) return connectTcp({ host: only, port });
  const pinned = addresses.map((address) => ({ address, family: isIP(address) }));
  return connectTcp({ host: 'pinned.invalid', port, autoSelectFamily: true, lookup: (_host, _options, done) => done(null, pinned) });
};

const sameAddress = (checked: string, connected: string | undefined): boolean =>
  connected !== undefined && ipaddr.isValid(connected) && ipaddr.parse(checked).toString() === ipaddr.parse(connected).toString();

export interface DialOptions {
  guard: AddressGuard;
  resolve: Resolve;
  dial: Dial;
  clock: EgressClock;
  connectTimeoutMs: number;
  recorder?: EgressRecorder | undefined;
  tls?: Pick<SecureContextOptions, 'ca'> | undefined;
}

export interface Dialer {
  /** A connected socket whose far end was checked (and, for https, proved its name), within `deadlineMs` where it is shorter than the client's own. Rejects with `NotConnected`. */
  open(to: Destination, deadlineMs?: number): Promise<Socket>;
  /** Ends what is still connecting. */
  close(): void;
}

export function dialer({ guard, resolve, dial, clock, connectTimeoutMs, recorder, tls }: DialOptions): Dialer {
  const resolving = new Map<string, Promise<string[]>>();
  const opening = new Set<(why: NotConnected) => void>();

  // Sockets that are opened at the same moment share one look-up; later ones look up again: nothing is remembered.
  const addressesOf = (host: string): Promise<string[]> => {
    const running = resolving.get(host);
    if (running) return running;
    recorder?.lookup(host);
    const asked = resolve(host).finally(() => resolving.delete(host));
    resolving.set(host, asked);
    return asked;
  };

  async function checkedAddresses(to: Destination): Promise<string[]> {
    const addresses = to.literal ? [to.host] : await addressesOf(to.host).catch(() => []);
    if (addresses.length === 0) throw new NotConnected('dns', 'name not resolved');
    // One bad address refuses all: a name that also stands for an inside address is not to be trusted at all.
    for (const address of addresses) {
      const reason = guard.address(address, to);
      if (reason !== null) throw new NotConnected('address_not_allowed', `address not allowed: ${reason}`);
    }
    return addresses;
  }

  return {
    open(to, deadlineMs = Infinity) {
      return new Promise((connected, failed) => {
        let stage: Problem = 'dns';
        let socket: Socket | undefined;
        let over = false;
        const end = (): boolean => {
          if (over) return false;
          over = true;
          cancelTimer();
          opening.delete(fail);
          return true;
        };
        const fail = (why: NotConnected): void => {
          if (!end()) return;
          socket?.destroy();
          failed(why);
        };
        const succeed = (ready: Socket): void => {
          if (end()) connected(ready);
        };
        const cancelTimer = clock.after(Math.min(connectTimeoutMs, deadlineMs), () =>
          fail(stage === 'dns' ? new NotConnected('dns', 'name not resolved in time')
            : stage === 'tls' ? new NotConnected('tls', 'TLS was not agreed in time')
            : new NotConnected('connect_timeout', 'no connection in time')));
        opening.add(fail);

        const withTls = (plain: Socket): void => {
          stage = 'tls';
          const secure = connectTls({
            ...tls, socket: plain, host: to.host, ...(to.literal ? {} : { servername: to.host }),
            ALPNProtocols: ['http/1.1'], minVersion: 'TLSv1.2', rejectUnauthorized: true,
          });
          socket = secure;
          secure.once('secureConnect', () => succeed(secure));
          secure.on('error', (error: NodeJS.ErrnoException) => fail(new NotConnected('tls', `TLS failed: ${error.code ?? 'error'}`)));
          secure.once('close', () => fail(new NotConnected('tls', 'TLS failed: connection closed')));
        };

        checkedAddresses(to).then((addresses) => {
          if (over) return;
          stage = 'connect';
          recorder?.connect(addresses[0] ?? to.host, to.port);
          const plain = dial(addresses, to.port);
          socket = plain;
          plain.setNoDelay(true).setKeepAlive(true, 60_000);
          plain.once('connect', () => {
            // Whatever stands between check and connect, the far end must be an address that was checked.
            if (!addresses.some((address) => sameAddress(address, plain.remoteAddress))) fail(new NotConnected('address_not_allowed', 'address not allowed: connected to another address'));
            else if (to.protocol === 'https:') withTls(plain);
            else succeed(plain);
          });
          plain.on('error', (error: NodeJS.ErrnoException) => fail(new NotConnected(stage === 'tls' ? 'tls' : 'connect', `no connection: ${error.code ?? 'error'}`)));
        }).catch((error: unknown) => fail(error instanceof NotConnected ? error : new NotConnected('connect', 'no connection')));
      });
    },
    close() {
      for (const fail of [...opening]) fail(new NotConnected('connect', 'the egress client is closed'));
    },
  };
}

import type { Socket } from 'node:net';
import { LRUCache } from 'lru-cache';
import { Pool } from 'undici';
import { addressGuard, type AddressGuard, type AddressRules, type Destination } from './address.guard.js';
import { EgressCall } from './egress.call.js';
import type { EgressClient, EgressLine, EgressLines, EgressRecorder, EgressRequest, EgressResult } from './egress.js';
import { dialer, type NotConnected, systemClock, systemDial, systemResolve, type Dial, type DialOptions, type EgressClock, type Resolve } from './dial.js';

export interface EgressOptions extends AddressRules {
  /** the machine's resolver unless told */
  resolve?: Resolve;
  /** opens sockets: node:net unless told */
  dial?: Dial;
  clock?: EgressClock;
  recorder?: EgressRecorder;
  /** authorities trusted beside the machine's own choice; unless told, Node's */
  tls?: DialOptions['tls'];
  /** from the look-up to the end of the TLS handshake, within the call's own deadline; 5 s unless told */
  connectTimeoutMs?: number;
  /** sockets to one origin; 1,024 unless told. Calls beyond wait, within their deadline */
  connections?: number;
  /** origins with sockets at once; 1,000 unless told */
  origins?: number;
}

export interface GuardedEgress extends EgressClient, EgressLines {
  /** The checks that each call passes first, for those who store URLs: looks nothing up, connects to nothing. */
  readonly guard: AddressGuard;
}

const MAX_BYTES = 65_536;
const MAX_HEADER_BYTES = 16_384;
/** URLs remembered as checked, and origins with sockets: what falls out is checked, or connected to, again. */
const MAX_URLS = 10_000;
const MAX_ORIGINS = 1_000;
const SENT_ALONG = { 'user-agent': 'heliograph', 'accept-encoding': 'identity' };

const refused = (detail: string): EgressResult => ({ ok: false, problem: 'address_not_allowed', sent: false, detail });
const ended: EgressResult = { ok: false, problem: 'connect', sent: false, detail: 'the egress client is closed' };

/**
 * The one way out. Every URL and every address that it resolves to passes the guard, the socket is connected to a checked address and
 * serves that origin only; redirects are answers, proxies of the environment are ignored, nothing is inflated, and every call
 * ends by its deadline. Never throws for what the other side does.
 */
export function createEgress(options: EgressOptions): GuardedEgress {
  const guard = addressGuard(options);
  const clock = options.clock ?? systemClock;
  const dials = dialer({
    guard, clock,
    resolve: options.resolve ?? systemResolve, dial: options.dial ?? systemDial,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000, recorder: options.recorder, tls: options.tls,
  });
  let closed = false;
  /** handed out and not ended yet */
  const lines = new Set<Socket>();

  // The rules never change, so a URL that passed once passes again; addresses are checked at each connect.
  const passed = new LRUCache<string, Destination>({ max: MAX_URLS });
  /** pools that fell out, while something still runs on them */
  const leaving = new Set<Pool>();
  const pools = new LRUCache<string, Pool>({
    max: options.origins ?? MAX_ORIGINS,
    // What is running on a pool that falls out may end; its sockets close after it.
    dispose: (pool, _origin, why) => {
      if (why !== 'evict') return;
      leaving.add(pool);
      void pool.close().finally(() => leaving.delete(pool));
    },
  });

  const newPool = (to: Destination): Pool => {
    const pool = new Pool(to.origin, {
      connections: options.connections ?? 1_024,
      // One call at a time per socket: a call that fails never takes another along.
      pipelining: 1, headersTimeout: 0, bodyTimeout: 0, maxHeaderSize: MAX_HEADER_BYTES, allowH2: false,
      connect: (_asked, done) => void dials.open(to).then((socket) => done(null, socket), (error: Error) => done(error, null)),
    });
    pools.set(to.origin, pool);
    return pool;
  };

  function request(asked: EgressRequest): Promise<EgressResult> {
    if (closed) return Promise.resolve(ended);
    let to = passed.get(asked.url);
    if (!to) {
      const checked = guard.url(asked.url);
      if (!checked.ok) return Promise.resolve(refused(`address not allowed: ${checked.reason}`));
      to = checked.destination;
      passed.set(asked.url, to);
    }
    const pool = pools.get(to.origin) ?? newPool(to);
    const { path } = to;
    return new Promise((resolve) => {
      const call = new EgressCall(resolve, asked.maxBytes ?? MAX_BYTES);
      call.endsBy(clock, asked.deadlineMs);
      pool.dispatch({ path, method: asked.method, headers: { ...SENT_ALONG, ...asked.headers }, body: asked.body }, call);
    });
  }

  async function connect(host: string, port: number, deadlineMs: number): Promise<EgressLine> {
    if (closed) return { ok: false, problem: 'connect', detail: 'the egress client is closed' };
    const checked = guard.mailServer(host, port);
    if (!checked.ok) return { ok: false, problem: 'address_not_allowed', detail: `address not allowed: ${checked.reason}` };
    try {
      const socket = await dials.open(checked.destination, deadlineMs);
      lines.add(socket);
      socket.once('close', () => lines.delete(socket));
      return { ok: true, socket };
    } catch (error) {
      const { problem, message } = error as NotConnected;
      return { ok: false, problem: problem as (EgressLine & { ok: false })['problem'], detail: message };
    }
  }

  return {
    guard,
    request,
    connect,
    async close() {
      closed = true;
      dials.close();
      for (const line of lines) line.destroy();
      const ending = [...pools.values(), ...leaving].map((pool) => pool.destroy());
      pools.clear();
      await Promise.all(ending);
    },
  };
}

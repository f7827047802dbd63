import type { IncomingMessage } from 'node:http';
import type { Provider, Type } from '@nestjs/common';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { principalName, type Principal } from '#libs/identity/principal';
import { pathOf } from '#libs/platform/http/problem';
import type { Limits, LimitsGuard } from '#libs/platform/limits/limits.guard';
import { countedCode } from '#libs/platform/sockets/close-codes';
import { Sockets } from '#libs/platform/sockets/sockets';
import { Refusal, Unavailable } from '#libs/event-sourcing/errors';
import type { Log } from '#libs/platform/telemetry/log';
import type { Metrics } from '#libs/platform/telemetry/metrics';
import type { LiveSettings } from '#libs/settings/settings';
import { countedAs } from '../counting.js';
import type { PrincipalGuard } from '../principal.guard.js';
import { LiveFeed } from './live-feed.js';
import { LiveSocketGateway } from './live.socket.js';
import { Resumption } from './resumption.js';
import { SOCKETS, SOCKET_SETTINGS } from './sockets.controller.js';
import type { Visitor } from './visitor.js';

/** Which requests are handshakes; the Upgrade header of all others is passed over. */
export const isHandshake = ({ method, url = '', headers }: IncomingMessage): boolean => method === 'GET' && pathOf(url) === '/ws' && headers.upgrade?.toLowerCase() === 'websocket';

/** Every file `*.socket.ts`: what takes frames. */
export const TAKERS: readonly Type[] = [LiveSocketGateway];

/** Types of frames that are counted per socket and not as requests. */
const CHEAP: ReadonlySet<string> = new Set(['ping']);

/** `limits`: requests per window, by kind of credential; frames count among them. */
export interface SocketPorts { kernel: Kernel; clock: Clock; limits: Record<Principal['credential']['kind'], Limits>; metrics: Metrics; log: Log; settings: LiveSettings }
export interface SocketParts { sockets: Sockets<Visitor>; providers: Provider[] }

/** Everything behind `/ws`, for a process that takes part in it. */
export function socketParts({ kernel, clock, limits, metrics, log, settings }: SocketPorts, guard: PrincipalGuard, limiter: LimitsGuard): SocketParts {
  const { registry, options: { engine: { eventStore: store } } } = kernel;
  const sockets = new Sockets<Visitor>({
    clock, log: { error: ({ err }, message) => log.error({ part: 'sockets', err }, message) }, cheap: CHEAP,
    ownerOf: ({ principal }) => principal.owner,
    count: async ({ principal }) => {
      const wait = await limiter.take(countedAs(principal), limits[principal.credential.kind]);
      if (wait > 0) metrics.limited.inc({ credential: principal.credential.kind });
      return wait;
    },
    fresh: () => kernel.live.fresh(),
    recheck: async (visitor) => {
      try {
        await guard.stillThere(visitor);
        return null;
      } catch (error) {
        if (error instanceof Refusal && error.code !== 'unavailable') {
          log.info({ part: 'sockets', reason: error.code, principal: principalName(visitor.principal) }, 'a socket was closed: what opened it does not count any more');
          return error.code === 'address_refused' ? 'denied' : 'revoked';
        }
        if (error instanceof Refusal || error instanceof Unavailable) return 'unheard';
        throw error;
      }
    },
    opened: () => { metrics.sockets.inc(); metrics.socketsOpen.inc(); },
    closed: (code) => { metrics.socketsOpen.dec(); metrics.socketsClosed.inc({ code: countedCode(code) }); },
    framed: (type) => metrics.frames.inc({ type }),
    swept: (seconds) => metrics.socketSweepSeconds.observe(seconds),
  });
  const feed = new LiveFeed({ store, registry, clock, log });
  const resumption = new Resumption({ store, registry, feed });
  return { sockets, providers: [
    { provide: SOCKETS, useValue: sockets },
    { provide: SOCKET_SETTINGS, useValue: settings },
    { provide: LiveFeed, useValue: feed },
    { provide: Resumption, useValue: resumption },
    ...TAKERS,
  ] };
}

import { randomBytes } from 'node:crypto';
import { Module, type DynamicModule, type LoggerService, type Provider, type Type } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ErrorCode } from '#libs/event-sourcing/error-codes';
import { Commands, handlersOf } from '#libs/event-sourcing/running/commands';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import type { Known } from '#libs/identity/authenticate';
import type { KeyPair } from '#libs/identity/certificate/authority';
import { Foreign } from '#libs/identity/foreign';
import { KeyUses } from '#libs/identity/keyuse/key-uses';
import { principalName, type Principal } from '#libs/identity/principal';
import type { Accounts } from '#libs/identity/user/accounts';
import type { Administration as AccountAdministration } from '#libs/identity/user/administration';
import type { Cookies, ReadCookie } from '#libs/identity/session/cookie';
import type { Tokens } from '#libs/identity/session/tokens';
import type { RefusedSignins } from '#libs/identity/signin/refused-signins';
import { HttpAdapter } from '#libs/platform/http/http-adapter';
import { LimitsGuard, type Limits } from '#libs/platform/limits/limits.guard';
import { withoutData, type Log } from '#libs/platform/telemetry/log';
import type { Sockets } from '#libs/platform/sockets/sockets';
import { SocketsAdapter } from '#libs/platform/sockets/sockets.adapter';
import type { Metrics } from '#libs/platform/telemetry/metrics';
import type { Tracing } from '#libs/platform/telemetry/tracing';
import type { AddressRules } from '#libs/platform/egress/address.guard';
import type { LiveSettings } from '#libs/settings/settings';
import { addressLists, guardAddresses } from './address-lists.js';
import { authParts } from './auth/auth.providers.js';
import { apiKeysProviders } from './api-keys/api-keys.providers.js';
import { certificatesProviders } from './certificates/certificates.providers.js';
import { endingCertificates } from './certificates/ending.js';
import { countedAs } from './counting.js';
import { OPENAPI } from './docs/docs.controller.js';
import { METRICS, READINESS } from './health.controller.js';
import type { Gateways } from './messages/acceptance.js';
import { Messages } from './messages/messages.js';
import { PERMISSION } from './permission.js';
import { PrincipalGuard, type SignedIn } from './principal.guard.js';
import { Readiness } from './readiness.js';
import { settingsProviders } from './settings/settings.providers.js';
import { SocketsController } from './sockets/sockets.controller.js';
import { socketParts, TAKERS, type SocketParts } from './sockets/sockets.providers.js';
import type { Visitor } from './sockets/visitor.js';
import { traceRequests } from './trace-requests.js';
import { noticeUnnamedProxy } from './unnamed-proxy.js';
import { usersProviders } from './users/users.providers.js';

export interface ApiOptions {
  kernel: Kernel;
  /** who may come */
  known: Known;
  /** our own authority's certificate and key: signs client certificates */
  ca: KeyPair;
  /** the text that takes a good session cookie's place; null: none is due */
  rolled(cookie: ReadCookie): string | null;
  tokens: Tokens;
  cookies: Cookies;
  settings: LiveSettings;
  accounts: Accounts;
  administration: AccountAdministration;
  /** where outbound calls may go: no setting names another place */
  egress: AddressRules;
  gateways: Gateways;
  clock: Clock;
  metrics: Metrics;
  log: Log;
  /** only where a collector is configured */
  tracing?: Tracing | undefined;
  bodyLimit: number;
  /** whether what an address says of whom it speaks for is believed */
  trusts(address: string): boolean;
  /** requests per window, by kind of credential; `address` for who is not signed in */
  limits: Record<'address' | Principal['credential']['kind'], Limits>;
  /** what answers: everything, or only how this process is */
  controllers: Type[];
  /** begins every request id of this process */
  requestIdPrefix: string;
}

@Module({})
class ApiModule {
  static with(o: ApiOptions, readiness: Readiness, guards: readonly [PrincipalGuard, LimitsGuard], uses: KeyUses, more: readonly Provider[]): DynamicModule {
    const { kernel } = o;
    const { eventStore: store, readModels: views } = kernel.options.engine;
    const { states, sealer, keyring, seeing } = kernel;
    const providers: Provider[] = [
      { provide: Commands, useValue: kernel.commands },
      ...kernel.options.deciders.flatMap(handlersOf),
      { provide: READINESS, useValue: readiness },
      { provide: METRICS, useValue: o.metrics },
      // loaded when first asked for: most processes never are
      { provide: OPENAPI, useValue: async () => (await import('./openapi.js')).openApiDocument() },
      ...guards.map((useValue) => ({ provide: APP_GUARD, useValue })),
      ...settingsProviders(o),
      ...apiKeysProviders(o, uses),
      ...certificatesProviders(o),
      ...usersProviders(o),
      ...more,
      { provide: Messages, inject: [CommandBus], useFactory: (bus: CommandBus) => new Messages({ bus, store, views, states, sealer, keyring, seeing, clock: o.clock, gateways: o.gateways, accepted: (form, count) => o.metrics.accepted.inc({ form }, count) }) },
    ];
    return { module: ApiModule, imports: [CqrsModule.forRoot()], controllers: o.controllers, providers };
  }
}

export interface Api { app: NestFastifyApplication; readiness: Readiness; bus: CommandBus; /** to be flushed once no request comes any more */ uses: KeyUses; /** the same */ refusedSignIns: RefusedSignins; /** open sockets; null: none are opened here. Closed before the ports are */ sockets: Sockets<Visitor> | null }

/** The HTTP application, initialised and without a port. @throws Error when a route declares no permission */
export async function createApi(options: ApiOptions): Promise<Api> {
  for (const controller of [...options.controllers, ...TAKERS]) everyRoutePermitted(controller);
  const readiness = new Readiness(options.kernel, options.clock, options.metrics, endingCertificates(options.kernel.options.engine.readModels, options.clock));
  const limits = new LimitsGuard({
    shared: options.kernel.options.engine.shared, now: () => options.clock.now().getTime(),
    keyOf: ({ principal }: SignedIn) => principal && countedAs(principal),
    limitsFor: ({ principal }: SignedIn) => options.limits[principal?.credential.kind ?? 'address'],
  });
  const uses = keyUses(options);
  const { providers: auth, refused } = authParts(options);
  const adapter = new HttpAdapter({ log: options.log, requestIdPrefix: options.requestIdPrefix, bodyLimit: options.bodyLimit, trusts: (address) => options.trusts(address), refused: (request, reply) => limits.countRefused(request, reply), threw: noted(options) });
  const mayAsk = addressLists(options.settings);
  const guard = guardOf(options, mayAsk);
  const door: SocketParts | null = options.controllers.includes(SocketsController) ? socketParts(options, guard, limits) : null;
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.with(options, readiness, [guard, limits], uses, [...auth, ...(door?.providers ?? [])]), adapter, { bodyParser: false, logger: nestLog(options.log), abortOnError: false });
  adapter.harden(app);
  if (door) app.useWebSocketAdapter(new SocketsAdapter(door.sockets));
  noticeUnnamedProxy(adapter.getInstance(), (address) => options.trusts(address), () => options.log.warn({ part: 'proxy' }, 'a proxy on this machine passes requests on and is not in TRUSTED_PROXIES: whoever comes through it counts as this machine, also for /metrics and /docs'));
  guardAddresses(adapter.getInstance(), mayAsk);
  measure(app, options);
  logKeyUses(app, uses, options.clock);
  if (options.tracing) traceRequests(app, options.tracing);
  await app.init();
  return { app, readiness, bus: app.get(CommandBus), uses, refusedSignIns: refused, sockets: door?.sockets ?? null };
}

/** Nest marks what it routes; a handler without a permission would be open or dead, so nothing starts. */
function everyRoutePermitted(controller: { name: string; prototype: object }): void {
  for (const name of Object.getOwnPropertyNames(controller.prototype)) {
    const handler = (controller.prototype as Record<string, unknown>)[name];
    if (typeof handler === 'function' && (Reflect.hasMetadata('path', handler) || Reflect.hasMetadata('message', handler)) && name !== 'constructor' && !Reflect.hasMetadata(PERMISSION, handler)) {
      throw new Error(`${controller.name}.${name} declares no permission`);
    }
  }
}

const guardOf = ({ kernel, clock, known, settings, rolled, metrics, log }: ApiOptions, mayAsk: (address: string) => boolean): PrincipalGuard => new PrincipalGuard({
  known, mayAsk, settings, rolled, fresh: () => kernel.live.fresh(), now: () => clock.now().getTime(),
  // counted, and of a certificate one line: its reason, never what it holds
  refused: (code: ErrorCode, reason, requestId) => {
    metrics.refused.inc({ reason });
    if (code === 'invalid_certificate') log.warn({ requestId, reason }, 'a client certificate was refused');
  },
});

/** Who asked for somebody else's thing is told that there is none; the log knows better. */
const noted = ({ log }: ApiOptions) => (error: unknown, { id, principal, method, routeOptions }: SignedIn): void => {
  if (error instanceof Foreign) log.info({ requestId: id, method, route: routeOptions.url ?? 'unknown', reason: error.what, ...(principal ? { principal: principalName(principal) } : {}) }, 'somebody else\'s thing was asked for');
};

/** What the framework itself says, as lines of our log. */
const nestLog = (log: Log): LoggerService => ({ log: () => {}, error: (message: unknown) => log.error({ part: 'nest' }, withoutData(String(message))), warn: (message: unknown) => log.warn({ part: 'nest' }, withoutData(String(message))) });

function measure(app: NestFastifyApplication, { metrics, log }: ApiOptions): void {
  app.getHttpAdapter().getInstance().addHook('onResponse', function count(request: SignedIn, reply, done) {
    const known = request.routeOptions.url !== undefined;
    const at = { method: known ? request.method : 'other', route: request.routeOptions.url ?? 'unknown', status: reply.statusCode };
    metrics.requests.inc(at);
    metrics.requestSeconds.observe({ route: at.route }, reply.elapsedTime / 1000);
    if (at.status === 429) metrics.limited.inc({ credential: request.principal?.credential.kind ?? 'none' });
    if (log.enabled('debug')) log.debug({ requestId: request.id, ...at, ms: Math.round(reply.elapsedTime * 10) / 10, ...(request.principal ? { principal: principalName(request.principal) } : {}) }, 'answered');
    done();
  });
}

const keyUses = ({ kernel, clock, metrics, log }: ApiOptions): KeyUses => new KeyUses({
  commands: kernel.commands, clock, random: randomBytes,
  failed: (err, dropped) => { metrics.keyUsesDropped.inc(dropped); if (dropped === 0) log.warn({ part: 'key uses', err }, 'what API keys were used for could not be written, and waits'); },
});

/** What API keys are used for, written down in bulk: the route's template, never a path, a body or the key. */
function logKeyUses(app: NestFastifyApplication, uses: KeyUses, clock: Clock): void {
  app.getHttpAdapter().getInstance().addHook('onResponse', function use(request: SignedIn, reply, done) {
    const { principal } = request;
    if (principal?.credential.kind === 'api-key') {
      uses.used({ key: principal.credential.id, owner: principal.owner, method: request.method, route: request.routeOptions.url ?? 'unknown', status: reply.statusCode, address: request.ip, at: clock.now().toISOString() });
    }
    done();
  });
}

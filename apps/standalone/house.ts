import { randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { systemClock, type Clock } from '#libs/event-sourcing/running/clock';
import type { Around } from '#libs/event-sourcing/running/following';
import { Kernel } from '#libs/event-sourcing/running/kernel';
import { openEngines, type OpenedEngine } from '#libs/engines/engines';
import type { Accounts } from '#libs/identity/user/accounts';
import { ensureFirstAdmin } from '#libs/identity/user/first-admin';
import { acceptCertificates, mtlsOptions } from '#libs/identity/certificate/mutual-tls';
import { ensureSecrets, type Secrets } from '#libs/identity/certificate/secrets-folder';
import type { CredentialState } from '#libs/identity/credential/credential.decider';
import type { LiveStates } from '#libs/identity/live-states';
import type { GatewaySettings } from '#libs/messaging/gateways/gateway';
import type { Configuration } from '#libs/platform/configuration/configuration';
import { createEgress } from '#libs/platform/egress/egress.client';
import { listen, type Listening } from '#libs/platform/http/listeners';
import { trusts } from '#libs/platform/http/trusted-proxies';
import { createLog, type Log } from '#libs/platform/telemetry/log';
import { createMetrics, type Metrics } from '#libs/platform/telemetry/metrics';
import type { Tracing } from '#libs/platform/telemetry/tracing';
import { LiveSettings } from '#libs/settings/settings';
import { defaultsOf, partsOf } from '#libs/settings/table';
import { createApi, type Api } from '../api/api.js';
import { CONTROLLERS, HEALTH_ONLY } from '../api/controllers.js';
import { runWorker } from '../worker/worker.js';
import { openControlSocket } from './control/control-socket.js';
import { egressRules } from './egress-rules.js';
import { liveGateways, liveLimits } from './live-settings.js';
import { mailHouse } from './mail-house.js';
import { livePeople, type LivePeople } from './known.js';
import { openPeople } from './people.js';
import { SUBJECTS } from './subjects.js';

/** What a process of Heliograph can be; `npm start` is all of them. */
export const PARTS = ['api', 'projector', 'worker'] as const;
export type Part = (typeof PARTS)[number];

/** A running process of Heliograph: one part, or all of it. */
export interface House {
  parts: readonly Part[];
  api: Api;
  kernel: Kernel;
  engine: OpenedEngine;
  secrets: Secrets;
  metrics: Metrics;
  credentials: LiveStates<CredentialState>;
  /** who may come */
  people: LivePeople;
  settings: LiveSettings;
  accounts: Accounts;
  /** the first administrator's, where this start made him and nobody had said one: to be shown once */
  generatedPassword: string | null;
  listening: Listening;
  /** Takes no more, lets requests and calls end within SHUTDOWN_SECONDS, cuts the rest and ends everything; answers how many connections had to be cut. */
  close(): Promise<{ cut: number }>;
}

/** What a spec, or a start, gives the house in place of its own. */
export interface Given { clock?: Clock | undefined; log?: Log | undefined; tracing?: Tracing | undefined; parts?: readonly Part[] }

/** A lane without a gateway (it was configured once): as slow as can be, so that nothing rushes when it comes back. */
const FORGOTTEN_LANE = { rate: 1, concurrency: 1, circuit: { failures: 10, windowMs: 30_000, windowCalls: 20, windowShare: 0.5, probeMs: 30_000 } };

const LINKS_MOST = 20;
/** One span for each batch that a view folds, linked to what the first of its events belong to. */
const projectionSpans = (tracing: Tracing): Around => async (follower, events, work) => {
  const links = [...new Set(events.slice(0, LINKS_MOST).flatMap((e) => e.metadata.traceparent ?? []))];
  const span = tracing.span('projection', 'internal', { links });
  try { await work(); } finally { span.end({ 'heliograph.follower': follower, 'heliograph.events': events.length }); }
};

/** How long the outcomes of calls that were cut off may take to be written. */
const RECORDING_MS = 3_000;
/** Waits for the work, and no longer than this. */
const within = async (clock: Clock, ms: number, work: Promise<unknown>): Promise<void> => {
  let cancel = (): void => {};
  await Promise.race([work, new Promise<void>((over) => { cancel = clock.after(ms, over); })]).finally(() => cancel());
};

/** Opens the house, or a part of it; whoever fails half-way closes what was opened. */
export async function openHouse(c: Configuration, { clock = systemClock, log = createLog(c.logLevel), tracing, parts = PARTS }: Given = {}): Promise<House> {
  const is = (part: Part): boolean => parts.includes(part);
  if (c.engines === 'embedded' && parts.length < PARTS.length) throw new Error('One process holds the embedded engines: use `npm start`, or ENGINES=cluster for parts.');
  const secrets = await ensureSecrets({ dir: c.secretsDir, masterKeyFile: c.masterKeyFile, dataDir: c.dataDir, production: c.environment === 'production', serverNames: c.publicHosts }, { now: () => clock.now(), random: randomBytes });
  const engine = await openEngines(c, clock);
  const undo: (() => Promise<unknown>)[] = [() => engine.close()];
  try {
    for (const warning of engine.warnings) log.warn({ part: 'engines' }, warning);
    const settings = new LiveSettings(defaultsOf(c));
    const gateways = liveGateways(c, settings);
    const people = livePeople(() => kernel, settings, clock);
    const kernel: Kernel = await Kernel.open({
      engine, masterKey: secrets.masterKey, clock, ...SUBJECTS,
      around: tracing && projectionSpans(tracing),
      lanes: (lane) => gateways.get(lane) ?? FORGOTTEN_LANE,
      live: [...people.listeners, settings],
    });
    undo.push(() => kernel.close());
    await kernel.startLive();
    await settings.start(kernel);
    await people.start();
    const { accounts, administration } = openPeople(kernel, { clock, random: randomBytes, passwordPolicy: () => settings.value('authentication.password_policy') });
    const generatedPassword = is('api') ? await ensureFirstAdmin({ accounts, keyring: kernel.keyring, random: randomBytes, password: c.adminPassword }) : null;
    const metrics = createMetrics();
    kernel.commands.onAppend(() => metrics.appends.inc());
    settings.onChange((names) => { for (const name of names) metrics.settingsChanged.inc({ category: partsOf(name)[0] }); });
    for (const [certificate, pair] of Object.entries({ server: secrets.server, ca: secrets.ca })) metrics.certificateEnds.set({ certificate }, new X509Certificate(pair.certificate).validToDate.getTime() / 1000);
    const api = await createApi({
      kernel, settings, accounts, administration, egress: egressRules(c), known: people.known, ca: secrets.ca, rolled: (cookie) => people.cookies.rolled(cookie), tokens: people.tokens, cookies: people.cookies, gateways, clock, metrics, log, tracing, bodyLimit: c.bodyLimitBytes, trusts: trusts(c.trustedProxies ?? []), limits: liveLimits(settings), requestIdPrefix: `req_${randomBytes(6).toString('hex')}_`,
      controllers: is('api') ? CONTROLLERS : HEALTH_ONLY,
    });
    undo.push(() => api.app.close());
    const working = is('worker') ? openWorker(c, { api, kernel, settings, gateways, clock, metrics, tracing }) : null;
    if (working) undo.push(() => working.end());
    if (is('projector')) kernel.startFollowers();
    // with servers of its own for the data, the command line asks them, not a process
    if (engine.name === 'embedded') {
      const control = await openControlSocket({ configuration: c, secrets, kernel, clock, random: randomBytes, following: true });
      undo.push(() => control.close());
    }
    const listening = await openListeners(c, is('api'), secrets, api, metrics, log);
    const close = async (): Promise<{ cut: number }> => {
      api.readiness.drain();
      kernel.scheduler.close();
      const wholeMs = c.shutdownSeconds * 1000;
      const [ended] = await Promise.all([listening.close(wholeMs), working?.drain(wholeMs)]);
      await working?.end();
      await api.uses.flush();
      await api.refusedSignIns.close();
      for (const step of undo.reverse()) await step();
      return ended;
    };
    return { parts, api, kernel, engine, secrets, metrics, credentials: people.credentials, people, settings, accounts, generatedPassword, listening, close };
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

interface WorkerParts { api: Api; kernel: Kernel; settings: LiveSettings; gateways: Map<string, GatewaySettings>; clock: Clock; metrics: Metrics; tracing: Tracing | undefined }

/** The worker, at work. `drain` takes no more and lets calls end; `end` cuts those that still run, which are recorded so. */
function openWorker(c: Configuration, { api, kernel, settings, gateways, clock, metrics, tracing }: WorkerParts): { drain(ms: number): Promise<void>; end(): Promise<void> } {
  const { engine } = kernel.options;
  const egress = createEgress(egressRules(c));
  const stop = new AbortController(), cut = new AbortController();
  const work = runWorker(engine.workQueue, {
    cut: cut.signal,
    bus: api.bus, commands: kernel.commands, store: engine.eventStore, states: kernel.states, sealer: kernel.sealer, egress, gateways, clock, tracing,
    mails: { bus: api.bus, states: kernel.states, sealer: kernel.sealer, keyring: kernel.keyring, egress, clock, mailHouse: () => mailHouse(c, settings), mailed: (outcome, problem) => metrics.mails.inc({ outcome, problem }) },
    ended: (gateway, outcome, problem, ms) => { metrics.calls.inc({ gateway, outcome, problem: problem ?? 'none' }); metrics.callSeconds.observe({ gateway }, ms / 1000); },
  }, c.workerConcurrency, stop.signal);
  return {
    drain: (ms) => { stop.abort(); return within(clock, ms, work); },
    async end() {
      stop.abort();
      cut.abort();
      // where an outcome cannot be written, its settling after the next start tells it
      await egress.close();
      await within(clock, RECORDING_MS, work);
    },
  };
}

/** Why a handshake fails, for a label; the rest is `other`. */
const HANDSHAKE_REASONS: Record<string, string> = {
  ERR_SSL_HTTP_REQUEST: 'plain HTTP', ERR_SSL_WRONG_VERSION_NUMBER: 'no TLS', ERR_SSL_UNSUPPORTED_PROTOCOL: 'old TLS', ERR_SSL_NO_SHARED_CIPHER: 'no shared cipher', ERR_TLS_HANDSHAKE_TIMEOUT: 'timeout', ECONNRESET: 'reset',
};

async function openListeners(c: Configuration, mutualToo: boolean, secrets: Secrets, api: Api, metrics: Metrics, log: Log): Promise<Listening> {
  const tls = c.tlsCert && c.tlsKey ? { cert: readFileSync(c.tlsCert), key: readFileSync(c.tlsKey) } : undefined;
  const plain = c.listenPorts.map((port) => ({ host: c.listenHost, port, ...(tls ? { tls } : {}) }));
  const mutual = c.mtlsPort === null ? [] : [{ host: c.listenHost, port: c.mtlsPort, tls: mtlsOptions(secrets) }];
  const withMutual = c.mtlsPort === 0 || !mutualToo ? plain : [...plain, ...mutual];
  const listening = await listen(api.app.getHttpAdapter().getInstance(), { ports: withMutual, requestIdPrefix: 'req_early_',
    refused: (code) => { metrics.unreadable.inc({ code }); log.debug({ reason: code }, 'a request could not be read'); },
    handshakeFailed: (error) => {
      const reason = HANDSHAKE_REASONS[error.code ?? ''] ?? 'other';
      metrics.handshakes.inc({ reason });
      log.info({ reason }, 'a TLS handshake failed');
    },
  });
  const last = listening.ports.at(-1);
  if (withMutual.length > plain.length && last) acceptCertificates(last.server as Parameters<typeof acceptCertificates>[0], secrets.ca.certificate);
  return listening;
}

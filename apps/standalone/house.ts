import { randomBytes, X509Certificate } from 'node:crypto';
import { systemClock, type Clock } from '#libs/event-sourcing/running/clock';
import type { Around } from '#libs/event-sourcing/running/following';
import { Kernel } from '#libs/event-sourcing/running/kernel';
import type { OpenedEngine } from '#libs/engines/engine-set';
import { openEngines } from '#libs/engines/engines';
import type { Accounts } from '#libs/identity/user/accounts';
import { ensureFirstAdmin, FIRST_ADMIN, neverUsed } from '#libs/identity/user/first-admin';
import { ensureSecrets, type Secrets } from '#libs/identity/certificate/secrets-folder';
import { otherAuthority } from '#libs/identity/certificate/same-authority';
import type { CredentialState } from '#libs/identity/credential/credential.decider';
import type { LiveStates } from '#libs/identity/live-states';
import type { GatewaySettings } from '#libs/messaging/gateways/gateway';
import type { Configuration } from '#libs/platform/configuration/configuration';
import type { Listening } from '#libs/platform/http/listeners';
import { trusts } from '#libs/platform/http/trusted-proxies';
import { createLog, type Log } from '#libs/platform/telemetry/log';
import { createMetrics, type Metrics } from '#libs/platform/telemetry/metrics';
import type { Tracing } from '#libs/platform/telemetry/tracing';
import { LiveSettings } from '#libs/settings/settings';
import { defaultsOf, partsOf } from '#libs/settings/table';
import { createApi, type Api } from '../api/api.js';
import { CONTROLLERS, CONTROLLERS_WITHOUT_SOCKETS, HEALTH_ONLY } from '../api/controllers.js';
import { openControlSocket } from './control/control-socket.js';
import { egressRules } from './egress-rules.js';
import { liveGateways, liveLimits } from './live-settings.js';
import { livePeople, type LivePeople } from './known.js';
import { openListeners } from './open-listeners.js';
import { openPeople } from './people.js';
import { poolGivesWay } from './pool-threads.js';
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

/** What performs due work, and how it ends: handed in, so that a process that only follows the log has no way to send. */
export type OpenWorker = (c: Configuration, parts: WorkerParts) => Working;
export interface WorkerParts { api: Api; kernel: Kernel; settings: LiveSettings; gateways: Map<string, GatewaySettings>; clock: Clock; metrics: Metrics; tracing: Tracing | undefined }
export interface Working {
  /** takes no more, and lets calls end within so many ms */
  drain(ms: number): Promise<void>;
  /** cuts those that still run, which are recorded so */
  end(): Promise<void>;
}

/** What a process of the house is, and what a spec gives it in place of its own. */
export interface Given { parts: readonly Part[]; worker?: OpenWorker; clock?: Clock | undefined; log?: Log | undefined; tracing?: Tracing | undefined;
  /** told the first administrator's password as soon as it is in force, for the start may still fail */
  drew?: (password: string) => void }

/** A lane without a gateway (it was configured once): as slow as can be, so that nothing rushes when it comes back. */
const FORGOTTEN_LANE = { rate: 1, concurrency: 1, circuit: { failures: 10, windowMs: 30_000, windowCalls: 20, windowShare: 0.5, probeMs: 30_000 } };

const LINKS_MOST = 20;
/** One span for each batch that a view folds, linked to what the first of its events belong to. */
const projectionSpans = (tracing: Tracing): Around => async (follower, events, work) => {
  const links = [...new Set(events.slice(0, LINKS_MOST).flatMap((e) => e.metadata.traceparent ?? []))];
  const span = tracing.span('projection', 'internal', { links });
  try { await work(); } finally { span.end({ 'heliograph.follower': follower, 'heliograph.events': events.length }); }
};

/** Opens a process of the house; whoever fails half-way closes what was opened. All of it, with the worker: `whole.ts`. */
export async function openHouse(c: Configuration, { clock = systemClock, log = createLog(c.logLevel), tracing, parts, worker, drew }: Given): Promise<House> {
  const is = (part: Part): boolean => parts.includes(part);
  if (c.engines === 'embedded' && parts.length < PARTS.length) throw new Error('One process holds the embedded engines: use `npm start`, or ENGINES=cluster for parts.');
  const secrets = await ensureSecrets({ dir: c.secretsDir, masterKeyFile: c.masterKeyFile, dataDir: c.dataDir, production: c.environment === 'production', serverNames: c.publicHosts }, { now: () => clock.now(), random: randomBytes });
  const engine = await openEngines(c, clock);
  const undo: (() => Promise<unknown>)[] = [() => engine.close()];
  try {
    for (const warning of engine.warnings) log.warn({ part: 'engines' }, warning);
    const settings = new LiveSettings(defaultsOf(c));
    const gateways = liveGateways(c, settings);
    const people = livePeople(() => kernel, settings, clock, c.secretKey);
    const kernel: Kernel = await Kernel.open({
      engine, masterKey: secrets.masterKey, clock, ...SUBJECTS,
      around: tracing && projectionSpans(tracing),
      lanes: (lane) => gateways.get(lane) ?? FORGOTTEN_LANE,
      live: [...people.listeners, settings],
    });
    undo.push(() => kernel.close());
    const apart = engine.name === 'cluster' ? await otherAuthority(engine.keys, secrets.ca.certificate) : null;
    if (apart) log.error({ part: 'certificates' }, apart);
    await kernel.startLive();
    await settings.start(kernel);
    await people.start();
    const metrics = createMetrics();
    const { accounts, administration } = openPeople(kernel, { clock, random: randomBytes, passwordPolicy: () => settings.value('authentication.password_policy'), hashing: (depth) => metrics.passwordHashes.set(depth) });
    if (is('api')) await poolGivesWay();
    const generatedPassword = is('api') ? await ensureFirstAdmin({ accounts, keyring: kernel.keyring, random: randomBytes, password: c.adminPassword }) : null;
    if (generatedPassword !== null) drew?.(generatedPassword);
    // it is shown once, and the start that drew it may have failed before
    else if (is('api') && await neverUsed({ accounts, keyring: kernel.keyring })) log.warn({ part: 'first start' }, `Nobody has signed in as ${FIRST_ADMIN} yet. If the password that was shown at the first start is lost, set another one: npx heliograph users password ${FIRST_ADMIN}`);
    kernel.commands.onAppend(() => metrics.appends.inc());
    settings.onChange((names) => { for (const name of names) metrics.settingsChanged.inc({ category: partsOf(name)[0] }); });
    for (const [certificate, pair] of Object.entries({ server: secrets.server, ca: secrets.ca })) metrics.certificateEnds.set({ certificate }, new X509Certificate(pair.certificate).validToDate.getTime() / 1000);
    const api = await createApi({
      kernel, settings, accounts, administration, egress: egressRules(c), known: people.known, ca: secrets.ca, rolled: (cookie) => people.cookies.rolled(cookie), tokens: people.tokens, cookies: people.cookies, gateways, clock, metrics, log, tracing, bodyLimit: c.bodyLimitBytes, trusts: trusts(c.trustedProxies ?? []), limits: liveLimits(settings), requestIdPrefix: `req_${randomBytes(6).toString('hex')}_`,
      controllers: !is('api') ? HEALTH_ONLY : c.websocketEnabled === 'true' ? CONTROLLERS : CONTROLLERS_WITHOUT_SOCKETS,
    });
    undo.push(() => api.app.close());
    const working = worker?.(c, { api, kernel, settings, gateways, clock, metrics, tracing }) ?? null;
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
      const [ended] = await Promise.all([listening.close(wholeMs), working?.drain(wholeMs), api.sockets?.close()]);
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

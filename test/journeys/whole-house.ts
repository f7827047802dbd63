import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent as HttpAgent, request as http } from 'node:http';
import { Agent as HttpsAgent, request as https } from 'node:https';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect } from '@jest/globals';
import { startGatewayMock, type GatewayMock } from '#apps/gateway-mock/gateway-mock';
import type { House } from '#apps/standalone/house';
import { openWhole } from '#apps/standalone/whole';
import type { Clock } from '#libs/event-sourcing/running/clock';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { loadAuthority, type IssuedKeyPair } from '#libs/identity/certificate/authority';
import { newApiToken } from '#libs/identity/credential/api-token';
import { IssueApiToken, IssueCertificate } from '#libs/identity/credential/credential.decider';
import type { Role } from '#libs/identity/principal';
import type { Log } from '#libs/platform/telemetry/log';
import type { Tracing } from '#libs/platform/telemetry/tracing';
import { parseConfiguration } from '#libs/platform/configuration/configuration';
import { freePort } from '../bench/ground.js';

/** An answer's JSON, of whichever route: what the journeys read of it. */
export interface Body {
  id: string;
  message_id: string;
  to: string;
  status: string;
  sent_at: string | null;
  created_at: string;
  recent_attempts: { n: number; outcome: string }[];
  messages: { id: string }[];
  events: { type: string; data: Record<string, unknown> }[];
  next: string | null;
  batch: string;
  results: { index: number; status: number; problem?: Record<string, unknown>; message: { id: string } }[];
  errors: { field: string }[];
  detail: string;
  [more: string]: unknown;
}
export interface Reply { status: number; headers: Record<string, string | string[] | undefined>; text: string; body: Body }
export interface Asked { body?: unknown; raw?: string | Buffer; headers?: Record<string, string> }
/** What a spec gives the house in place of its own. */
export interface Built { env?: Record<string, string>; clock?: Clock; log?: Log; tracing?: Tracing }
/** Somebody with a credential, on one of the listeners. */
export type Client = (method: string, path: string, asked?: Asked) => Promise<Reply>;

/** Where this run's houses keep their data: what ENGINES says, as for a house itself. */
const ENGINES = process.env['ENGINES'] === 'cluster' ? 'cluster' : 'embedded';
const SERVERS = ['EVENTSTORE_URL', 'MONGODB_URL', 'KAFKA_BROKERS'];
/** How long a story waits for what follows the log, against how long on the embedded engines: three servers share a machine with the tests. */
export const patience = (ms: number): number => (ENGINES === 'cluster' ? 5 * ms : ms);
const PATIENCE_MS = patience(4_000);
let said = false;

/** What a house on this set of engines is told. @throws Error naming the server that is missing */
function engines(clusterName: string): Record<string, string> {
  if (!said) process.stdout.write(`${relative(process.cwd(), expect.getState().testPath ?? '')}: on the engines ${ENGINES}\n`);
  said = true;
  if (ENGINES === 'embedded') return {};
  const missing = SERVERS.find((name) => !process.env[name]);
  if (missing) throw new Error(`${missing} does not say where that server is: npm run test:engines starts what is missing.`);
  return { ENGINES, CLUSTER_NAME: clusterName, ...Object.fromEntries(SERVERS.map((name) => [name, process.env[name]!])) };
}

async function mockClosed({ mock, dir }: { mock: GatewayMock; dir: string }): Promise<void> {
  await mock.close();
  rmSync(dir, { recursive: true, force: true });
}

const context = { principal: 'local:journey', correlationId: 'journey', causationId: 'journey' };

/** The whole of Heliograph on free ports, its gateways played by the mock; ended and started again at will. */
export class WholeHouse {
  house!: House;
  readonly #agents: (HttpAgent | HttpsAgent)[] = [];
  /** on servers that others use too, a name of its own */
  readonly #clusterName = `j${randomBytes(8).toString('hex')}`;
  private constructor(readonly dir: string, readonly mock: GatewayMock, readonly mtlsPort: number) {}

  static async open(built?: Built): Promise<WholeHouse> {
    for (let tries = 1; ; tries++) {
      const whole = new WholeHouse(mkdtempSync(join(tmpdir(), 'heliograph-journey-')), await startGatewayMock({ port: 0, smtpPort: 0 }), await freePort());
      try { await whole.start(built); return whole; } catch (error) {
        await mockClosed(whole);
        // a port that was free a moment ago may be another's by now
        if (tries === 3 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      }
    }
  }

  /** Gateways beside the two: `quick` tries 3 times at once, `held` asks a person. Both give up on a call after a second. */
  async start({ env = {}, clock, log, tracing }: Built = {}): Promise<void> {
    const gatewaysFile = join(this.dir, 'gateways.json');
    const retry = { kind: 'constant', everyMs: 100, attempts: 3, spanMs: 60_000 };
    const circuit = { failures: 1_000, windowCalls: 1_000 };
    const url = `${this.mock.url}/gateway/gateway.jsp`;
    writeFileSync(gatewaysFile, JSON.stringify([
      { name: 'quick', kind: 'sms-http', url, deadlineMs: 1000, retry, circuit }, { name: 'held', kind: 'sms-http', url, deadlineMs: 1000, onUnknown: 'hold', retry, circuit },
    ]));
    this.house = await openWhole(parseConfiguration({
      NODE_ENV: 'test', LISTEN_PORTS: '0', MTLS_PORT: String(this.mtlsPort), GATEWAY_MOCK_PORT: String(this.mock.port), GATEWAY_MOCK_SMTP_PORT: String(this.mock.smtpPort), GATEWAYS_FILE: gatewaysFile, DATA_DIR: 'data', SECRETS_DIR: 'secrets',
      RATE_LIMIT_MINUTE: '1000000', RATE_LIMIT_HOUR: '10000000', RATE_LIMIT_CERTIFICATE_MINUTE: '1000000', LOG_LEVEL: 'silent', SHUTDOWN_SECONDS: '5', ...engines(this.#clusterName), ...env,
    }, this.dir), { clock, log, tracing });
  }
  async stop(): Promise<void> {
    for (const agent of this.#agents.splice(0)) agent.destroy();
    await this.house.close();
  }
  async close(): Promise<void> {
    try { await this.stop(); } finally { await mockClosed(this); }
  }

  /** A new API token's text. */
  async token(owner: string, role: Role = 'user'): Promise<string> {
    const { id, text, sha256 } = newApiToken(randomBytes);
    await this.house.api.bus.execute(new IssueApiToken(id, { owner, role, sha256, expiresAt: null }, context));
    return text;
  }
  bearer(token: string): Client { return this.showing({ authorization: `Bearer ${token}` }); }
  /** On the plain listener, with these headers at every request. */
  showing(headers: Record<string, string>): Client {
    const agent = new HttpAgent({ keepAlive: true });
    this.#agents.push(agent);
    return (method, path, asked = {}) => this.#ask(false, agent, method, path, { ...asked, headers: { ...headers, ...asked.headers } });
  }
  async signedIn(owner: string, role: Role = 'user'): Promise<Client> { return this.bearer(await this.token(owner, role)); }

  async certificate(owner: string, role: Role = 'user'): Promise<IssuedKeyPair> {
    const issued = await (await loadAuthority(this.house.secrets.ca, { now: () => new Date(), random: randomBytes })).issueClient({ owner, days: 30 });
    await this.house.api.bus.execute(new IssueCertificate(issued.serial, { owner, role, fingerprint256: issued.fingerprint256, expiresAt: issued.notAfter }, context));
    return issued;
  }
  /** On the mutual-TLS listener. */
  async certified(owner: string, role: Role = 'user'): Promise<Client> { return this.withCertificate(await this.certificate(owner, role)); }
  withCertificate(pair: Pick<IssuedKeyPair, 'certificate' | 'privateKey'>): Client {
    const agent = new HttpsAgent({ keepAlive: true, ca: this.house.secrets.ca.certificate, cert: pair.certificate, key: pair.privateKey, servername: 'localhost' });
    this.#agents.push(agent);
    return (method, path, asked = {}) => this.#ask(true, agent, method, path, asked);
  }

  #ask(tls: boolean, agent: HttpAgent | HttpsAgent, method: string, path: string, { body, raw, headers = {} }: Asked): Promise<Reply> {
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const port = tls ? this.mtlsPort : this.house.listening.ports[0]!.port;
    const head = { host: `localhost:${port}`, ...(content === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(content)) }), ...headers };
    return new Promise((resolve, reject) => {
      const asked = (tls ? https : http)({ host: '127.0.0.1', port, method, path, agent, headers: head } as object, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part)).once('error', reject).once('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          resolve({ status: answer.statusCode!, headers: answer.headers, text, body: (text.startsWith('{') ? JSON.parse(text) : {}) as Body });
        });
      });
      asked.once('error', reject).end(content);
    });
  }

  /** The message once it has this status. */
  async shown(client: Client, id: string, status: string, boundMs = PATIENCE_MS): Promise<Body> {
    let last: Reply | undefined;
    try { await until(`${id} is ${status}`, async () => (last = await client('GET', `/api/v1/messages/${id}`)).body['status'] === status, boundMs); }
    catch (error) { throw new Error(`${String(error)}: ${last?.text}`); }
    return last!.body;
  }
  /** Once this view has seen what an answer said to have written: lists wait for it no longer than a quarter of a second. */
  async seen(view: string, { headers: { 'x-heliograph-position': position } }: Reply): Promise<void> {
    if (typeof position === 'string') await until(`${view} has seen ${position}`, () => (this.house.kernel.statuses.get(view)?.position ?? '') >= position, PATIENCE_MS);
  }
  events(id: string): Promise<{ type: string; data: unknown }[]> { return this.house.engine.eventStore.read(`message-${id}`, 0, 1_000); }
}

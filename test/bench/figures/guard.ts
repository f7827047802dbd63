import { hash, randomBytes, randomUUIDv7 } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:tls';
import type { ExecutionContext } from '@nestjs/common';
import { Permit, PermitHandshake } from '#apps/api/permission';
import { PrincipalGuard, type SignedIn } from '#apps/api/principal.guard';
import type { Visitor } from '#apps/api/sockets/visitor';
import { livePeople, type LivePeople } from '#apps/standalone/known';
import type { StreamCommand } from '#libs/event-sourcing/decider';
import { systemClock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { loadAuthority } from '#libs/identity/certificate/authority';
import { acceptCertificates, mtlsOptions } from '#libs/identity/certificate/mutual-tls';
import { ensureSecrets, type Secrets } from '#libs/identity/certificate/secrets-folder';
import { HTTP_KINDS, type HttpKind } from '#libs/identity/access';
import { newApiKey } from '#libs/identity/credential/api-key';
import { newApiToken } from '#libs/identity/credential/api-token';
import { credential, IssueApiKey, IssueApiToken, IssueCertificate } from '#libs/identity/credential/credential.decider';
import { COOKIE_NAME } from '#libs/identity/session/cookie';
import { session, StartSession } from '#libs/identity/session/session.decider';
import { RegisterUser, user } from '#libs/identity/user/user.decider';
import { LiveSettings } from '#libs/settings/settings';
import { defaultsOf } from '#libs/settings/table';
import type { Figure } from '../ground.js';
import { openPlace } from '../prepared/opened.js';
import { newPlace, type Place } from '../server.js';
import { median } from '../statistics.js';

/** Sessions, tokens and keys that take turns. */
const PEOPLE = 500;
const context = { principal: 'local:bench', correlationId: 'bench', causationId: 'bench', creates: true };
type Shown = { rawHeaders: string[]; headers: Record<string, string>; socket: Socket };

/** What a browser or a program sends beside its credential. */
const USUAL = ['Host', 'localhost:8000', 'User-Agent', 'bench/1.0 (a name of an ordinary length)', 'Accept', 'application/json', 'Content-Type', 'application/json', 'Content-Length', '120', 'Connection', 'keep-alive'];

/** As Node makes them of it; of the portal's own pages a browser says where they come from. */
const HEADERS = { host: 'localhost:8000', origin: 'http://localhost:8000', 'sec-fetch-site': 'same-origin' };

class Route { handle(): void { /* never called: the guard alone is measured */ } opens(): void { /* nor this */ } }
Permit('messages:send')(Route.prototype, 'handle', Object.getOwnPropertyDescriptor(Route.prototype, 'handle')!);
PermitHandshake('live:read')(Route.prototype, 'opens', Object.getOwnPropertyDescriptor(Route.prototype, 'opens')!);
/** All but the cookie open a socket. */
const SOCKET_KINDS = HTTP_KINDS.filter((kind) => kind !== 'session');

/** Requests as the guard sees them, of every kind of credential, each good. */
async function requests(kernel: Kernel, people: LivePeople, tls: Socket, serial: { serial: string; fingerprint256: string; notAfter: string }): Promise<Record<HttpKind, Shown[]>> {
  const plain = {} as Socket;
  const all: Record<HttpKind, Shown[]> = { 'access-token': [], session: [], 'api-token': [], 'api-key': [], 'client-certificate': [{ rawHeaders: USUAL, headers: HEADERS, socket: tls }] };
  const commands: Record<'user' | 'credential' | 'session', StreamCommand[]> = { user: [], credential: [], session: [] };
  const startedAt = new Date(), expiresAt = new Date(startedAt.getTime() + 3_600_000).toISOString();
  const show = (kind: HttpKind, name: string, value: string): void => { all[kind].push({ rawHeaders: [...USUAL, name, value], headers: HEADERS, socket: plain }); };
  for (let i = 0; i < PEOPLE; i++) {
    const owner = `usr_${randomUUIDv7().replaceAll('-', '')}`, id = randomBytes(16).toString('hex');
    const token = newApiToken(randomBytes), key = newApiKey(randomBytes, (purpose, text) => kernel.keyring.mac(purpose, text));
    commands.user.push(new RegisterUser(owner, { username: owner, email: null, fullName: null, role: 'operator', password: '$argon2id$none', mustChange: false, origin: 'import' }, context));
    commands.session.push(new StartSession(id, { owner, epoch: 0, how: 'password', address: '127.0.0.1', userAgent: null, expiresAt }, context));
    commands.credential.push(
      new IssueApiToken(token.id, { owner, role: 'operator', sha256: token.sha256, expiresAt }, context),
      new IssueApiKey(key.id, { owner, name: 'bench', description: null, scopes: ['messages:*', 'live:*'], prefix: key.prefix, mac: key.mac, days: 1 }, context),
    );
    show('api-token', 'Authorization', `Bearer ${token.text}`);
    show('api-key', 'X-API-Key', key.text);
    show('session', 'Cookie', `${COOKIE_NAME}=${people.cookies.issue(id, startedAt.toISOString())}`);
    show('access-token', 'Authorization', `Bearer ${(await people.tokens.issue({ user: owner, session: id, n: 1, expiresAt })).access}`);
    if (i === 0) commands.credential.push(new IssueCertificate(serial.serial, { owner, role: 'operator', fingerprint256: serial.fingerprint256, expiresAt: serial.notAfter }, context));
  }
  for (const [d, made] of [[user, commands.user], [credential, commands.credential], [session, commands.session]] as const) await kernel.commands.createMany(d, made);
  return all;
}

/** One connection over mutual TLS, within this process: the server's end of it. */
async function mutual(secrets: Secrets): Promise<{ socket: Socket; issued: { serial: string; fingerprint256: string; notAfter: string }; close(): void }> {
  const issued = await (await loadAuthority(secrets.ca, { now: () => new Date(), random: randomBytes })).issueClient({ owner: 'bench', days: 60 });
  const server = createServer(mtlsOptions(secrets));
  acceptCertificates(server, secrets.ca.certificate);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'secureConnection') as Promise<[Socket]>;
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', servername: 'localhost', ca: secrets.ca.certificate, cert: issued.certificate, key: issued.privateKey });
  const [socket] = await accepted;
  return { socket, issued, close: () => { client.destroy(); socket.destroy(); server.close(); } };
}

const secretsOf = ({ dataDir, secretsDir }: Place): Promise<Secrets> => ensureSecrets({ dir: secretsDir, masterKeyFile: undefined, dataDir, production: false, serverNames: ['localhost', '127.0.0.1'] }, { now: () => new Date(), random: randomBytes });

/** Processor time of this thread for each of so many, in µs: nothing here waits for anything. */
async function each(times: number, work: (i: number) => Promise<unknown>): Promise<number> {
  const before = process.threadCpuUsage();
  for (let i = 0; i < times; i++) await work(i);
  const { user: own, system } = process.threadCpuUsage(before);
  return (own + system) / times;
}

export const guard: Figure = {
  name: 'guard',
  about: 'who a request is and whether it may, for each kind of credential, in this process; and of an open socket once more each second; beside it one SHA-256 of 101 characters, the least that checking a secret costs',
  async measure(ground) {
    const place = newPlace(ground), times = ground.quick ? 10_000 : 60_000;
    const { kernel, close } = await openPlace(place, systemClock);
    const { socket, issued, close: hangUp } = await mutual(await secretsOf(place));
    try {
      const settings = new LiveSettings(defaultsOf({}));
      const people = livePeople(() => kernel, settings, systemClock, null);
      await people.start();
      const shown = await requests(kernel, people, socket, issued);
      const measured = new PrincipalGuard({
        known: people.known, mayAsk: () => true, settings, rolled: (cookie) => people.cookies.rolled(cookie), fresh: () => true, now: () => systemClock.now().getTime(),
        refused: (code) => { throw new Error(`a good credential was refused: ${code}`); },
      });
      const response = { header: () => response };
      const guarded = async (raw: Shown, handler: () => void): Promise<SignedIn> => {
        const request = { raw, method: 'POST', id: 'req_1', protocol: 'http', query: {} } as unknown as SignedIn;
        await measured.canActivate({ getType: () => 'http', getHandler: () => handler, getClass: () => Route, switchToHttp: () => ({ getRequest: () => request, getResponse: () => response }) } as unknown as ExecutionContext);
        return request;
      };
      const asked = (kind: HttpKind) => (i: number): Promise<SignedIn> => guarded(shown[kind][i % shown[kind].length]!, Route.prototype.handle);
      const visitors = new Map<HttpKind, Visitor[]>(await Promise.all(SOCKET_KINDS.map(async (kind) => [kind, await Promise.all(shown[kind].map(async (raw) => (await guarded(raw, Route.prototype.opens)).visitor!))] as const)));
      const again = (kind: HttpKind) => (i: number): Promise<unknown> => { const of = visitors.get(kind)!; return measured.stillThere(of[i % of.length]!); };
      const text = newApiToken(randomBytes).text;
      const samples = new Map(HTTP_KINDS.map((kind) => [kind, [] as number[]])), ceilings: number[] = [];
      const sweeps = new Map(SOCKET_KINDS.map((kind) => [kind, [] as number[]]));
      for (const kind of HTTP_KINDS) await each(2_000, asked(kind));
      for (const kind of SOCKET_KINDS) await each(2_000, again(kind));
      for (let i = 0; i < ground.repeats; i++) {
        ground.say(`guard ${i + 1}/${ground.repeats}`);
        ceilings.push(await each(times, async () => hash('sha256', text, 'buffer')));
        for (const kind of HTTP_KINDS) samples.get(kind)!.push(await each(times, asked(kind)));
        for (const kind of SOCKET_KINDS) sweeps.get(kind)!.push(await each(times, again(kind)));
      }
      const beside = { 'one SHA-256 µs': median(ceilings) };
      return [
        ...HTTP_KINDS.map((kind) => ({ figure: 'guard', what: kind, unit: 'µs', samples: samples.get(kind)!, ceilings, beside, aims: [{ of: 'value', atMost: 20 }] })),
        ...SOCKET_KINDS.map((kind) => ({ figure: 'guard', what: `once a second, of an open socket: ${kind}`, unit: 'µs', samples: sweeps.get(kind)!, ceilings, beside, aims: [{ of: 'value', atMost: 10 }] })),
      ];
    } finally {
      hangUp();
      await close();
    }
  },
};

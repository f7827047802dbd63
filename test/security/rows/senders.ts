import { gzipSync } from 'node:zlib';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { forged } from '#libs/identity/testing/forged-certificate';
import { RevokeCredential } from '#libs/identity/credential/credential.decider';
import type { HttpAdapter } from '#libs/platform/http/http-adapter';
import { oddRequests } from '#libs/platform/http/testing/odd-paths';
import { exchange, jsonRequest, request, type RawAnswer } from '#libs/platform/http/testing/raw-http';
import type { Reply } from '../../journeys/whole-house.js';
import { BAD_CERTIFICATES } from './bad-certificates.js';
import type { Ground } from './ground.js';

/** What came of one sending. `mtls` and `plain`: what it was on which listener. */
export interface Seen { status: number; body: Record<string, unknown>; headers: Record<string, string | string[] | undefined>; closed?: boolean; owner?: string; on?: 'plain' | 'mtls'; what?: string }
/** A way to send a value: every answer that it got. */
export type Sender = (g: Ground, value: string | number | Buffer) => Promise<Seen[]>;

const AT = '/api/v1/messages';
const parsed = (text: string): Record<string, unknown> => (text.trimStart().startsWith('{') ? JSON.parse(text) as Record<string, unknown> : {});
const seen = (a: RawAnswer): Seen => ({ status: a.status, headers: a.headers, body: parsed(Buffer.from(a.body, 'latin1').toString('utf8')) });
/** Bytes after which the server itself ended the connection: `exchange` waits for that. */
const ended = (a: RawAnswer): Seen => ({ ...seen(a), closed: a.statuses.length <= 1 });
const replied = ({ status, headers, body }: Reply): Seen => ({ status, headers, body });
const signedIn = (g: Ground): string => `Authorization: Bearer ${g.token}`;
const post = async (g: Ground, body: object): Promise<Seen> => replied(await g.user('POST', AT, { body }));
const json = (g: Ground, body: string | Buffer, ...headers: string[]): Buffer => jsonRequest(`POST ${AT}`, body, [signedIn(g), 'Content-Type: application/json', ...headers]);

const LIMIT = 262_144;
const padded = (bytes: number): string => `{"to":"${'x'.repeat(bytes - 9)}"}`;
/** Without `Connection: close`, so that the server's own wish to close is seen. */
const open = (g: Ground, headers: string[], body: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from([`POST ${AT} HTTP/1.1`, 'Host: a', signedIn(g), 'Content-Type: application/json', ...headers, '', ''].join('\r\n')), Buffer.from(body)]);
const SIZES: Record<string, (g: Ground) => Promise<Seen>> = {
  // only as far as the limit is passed: the answer must not wait for more
  'limit + 1 byte, with Content-Length': async (g) => ended(await g.raw(open(g, [`Content-Length: ${LIMIT + 1}`], ''))),
  'limit + 1 byte, chunked': async (g) => ended(await g.raw(open(g, ['Transfer-Encoding: chunked'], `${(LIMIT + 1).toString(16)}\r\n${padded(LIMIT + 1)}\r\n`))),
  // what is over the length said is no body and no request: cut off
  'limit + 1 byte, with a false small length': async (g) => ended(await g.raw(open(g, ['Content-Length: 10'], padded(LIMIT + 1)))),
  'Content-Encoding: gzip with 10 kB that inflates to 1 GB': async (g) => seen(await g.raw(json(g, gzipSync(Buffer.alloc(10_000_000)), 'Content-Encoding: gzip'))),
  '10,000 array items where 1,000 are allowed': async (g) => replied(await g.user('POST', `${AT}/batch`, { body: { messages: Array.from({ length: 10_000 }, () => ({ to: '+15550002222', body: 'a' })) } })),
  'empty body': async (g) => seen(await g.raw(json(g, ''))),
  '17 kB header': async (g) => ended(await g.raw(`GET ${AT} HTTP/1.1\r\nHost: a\r\nX-A: ${'x'.repeat(17 * 1024)}\r\n\r\n`)),
};

const certificate: Sender = async (g, value) => {
  const before = (await g.whole.house.metrics.refused.get()).values.reduce((n, v) => n + v.value, 0);
  const lines = g.lines.length;
  const { reason, pair } = BAD_CERTIFICATES[String(value)]!;
  const shown = await pair(g.whole.house.secrets.ca, g.authority);
  const socket = await g.tls(shown);
  const answer = await g.ask(socket, '\r\n', `POST ${AT}`);
  await until('the connection is closed', () => socket.destroyed || socket.closed || socket.readableEnded);
  const counted = (await g.whole.house.metrics.refused.get()).values.reduce((n, v) => n + v.value, 0) - before;
  const said = g.lines.slice(lines).filter((line) => line.includes('a client certificate was refused'));
  if (counted !== 1 || said.length !== 1 || !said[0]!.includes(`"reason":"${reason}"`)) throw new Error(`counted ${counted} times, said ${said.length} times: ${said.join('')}`);
  if (shown.certificate && g.lines.slice(lines).join('').includes(shown.certificate.split('\n')[1]!)) throw new Error('the log holds the certificate');
  if (answer.body['reason'] !== reason) throw new Error(`refused as ${String(answer.body['reason'])}`);
  socket.destroy();
  return [{ status: answer.status, headers: {}, body: answer.body, closed: answer.head.includes('connection: close') }];
};

/** Who a message that is sent this way belongs to. */
const ownerOf = async (g: Ground, answer: Record<string, unknown>): Promise<string> => {
  const [accepted] = await g.whole.house.engine.eventStore.read(`message-${String(answer['id'])}`, 0, 1);
  return accepted!.tags.owner;
};
const BODY = JSON.stringify({ to: '+15550002222', body: 'whose' });
const posting = `Content-Type: application/json\r\nContent-Length: ${BODY.length}\r\n`;

export const SENDERS: Record<string, Sender> = {
  certificate,
  'plain bytes on the mutual-TLS port': async (g) => {
    const failed = async (): Promise<number> => (await g.whole.house.metrics.handshakes.get()).values.reduce((n, v) => n + v.value, 0);
    const before = await failed();
    const answer = await exchange(g.whole.mtlsPort, request(`GET ${AT}`));
    await until('it is counted', async () => await failed() === before + 1);
    if (!g.lines.some((line) => line.includes('a TLS handshake failed'))) throw new Error('no line says so');
    return [{ ...seen(answer), closed: true }];
  },
  'revocation on an open connection': async (g) => {
    const pair = await g.whole.certificate('owner-a');
    const again = await g.tls(pair);
    const good = await g.ask(again);
    if (good.status !== 200) throw new Error(`a good certificate: ${good.status}`);
    await g.whole.house.api.bus.execute(new RevokeCredential(pair.serial, { reason: 'requested' }, { principal: 'local:rows', correlationId: 'rows', causationId: 'rows' }));
    let answer = await g.ask(again);
    await until('it is refused within 5 s', async () => answer.status !== 200 || (answer = await g.ask(again)).status !== 200, 5_000);
    await until('the connection is closed', () => again.readableEnded || again.destroyed);
    again.destroy();
    return [{ status: answer.status, headers: {}, body: answer.body, closed: answer.head.includes('connection: close') }];
  },
  'certificate header': async (g, header) => {
    const [name, value] = String(header).split(': ') as [string, string];
    const asked = { body: JSON.parse(BODY) as object, headers: { [name]: value } };
    const plain = await g.raw(request(`GET ${AT}`, [String(header)]));
    const certified = await g.device('POST', AT, asked);
    return [{ ...seen(plain), on: 'plain' }, { ...replied(certified), on: 'mtls', owner: await ownerOf(g, certified.body) }];
  },
  'certificate subject': async (g, commonName) => {
    const pair = await forged(g.whole.house.secrets.ca, String(commonName), { dns: ['owner-b'] });
    await g.register('owner-a', pair);
    const socket = await g.tls(pair);
    const answer = await g.ask(socket, `${posting}\r\n${BODY}`, `POST ${AT}`);
    socket.destroy();
    return [{ status: answer.status, headers: {}, body: answer.body, on: 'mtls', owner: await ownerOf(g, answer.body) }];
  },
  'request line': async (g, line) => [seen(await g.raw(request(String(line))))],
  'header without a credential': async (g, header) => Promise.all(['GET', 'POST'].map(async (method) => seen(await g.raw(request(`${method} ${AT}`, [String(header)]))))),
  'every odd way to write every route': async (g) => {
    const { routes } = (g.whole.house.api.app.getHttpAdapter() as unknown as HttpAdapter).table;
    // without a path it asks for the first page, which is everybody's
    const odd = oddRequests(routes.filter(({ url }) => url.startsWith(AT))).filter(({ target }) => target !== 'http://example.com');
    if (odd.length < 150) throw new Error(`only ${odd.length} ways`);
    return Promise.all(odd.map(async ({ name, method, target, headers }) => ({ ...seen(await g.raw(request(`${method} ${target}`, headers))), what: name })));
  },
  'content type': async (g, lines) => [seen(await g.raw(jsonRequest(`POST ${AT}`, '{"role":"admin"}', [signedIn(g), ...String(lines).split('\r\n').filter((line) => line !== '')])))],
  size: async (g, label) => [await SIZES[String(label)]!(g)],
  json: async (g, text) => [seen(await g.raw(json(g, text as string | Buffer)))],
  query: async (g, query) => [seen(await g.raw(request(`GET ${AT}${String(query)}`, [signedIn(g)])))],
  id: async (g, id) => Promise.all(['', '/events'].map(async (tail) => seen(await g.raw(request(`GET ${AT}/${String(id).startsWith('%') ? String(id) : encodeURIComponent(String(id))}${tail}`, [signedIn(g)]))))),
  'extra field': async (g, field) => {
    const name = String(field);
    const named = (s: Seen): Seen => {
      if (!(s.body['errors'] as { field: string }[]).some((e) => e.field === name)) throw new Error(`${name} is not named`);
      return s;
    };
    const native = { to: '+15550002222', body: 'a', [name]: 'x' };
    const batch = await g.user('POST', `${AT}/batch`, { body: { messages: [native] } });
    const s1 = named(await post(g, { sender_number: '+15550001111', message_body: 'a', [name]: 'x' }));
    if (s1.status !== 400) throw new Error(`S1's manual says 400, this is ${s1.status}`);
    const asBatch = named(replied(await g.user('POST', `${AT}/batch`, { body: { messages: [], [name]: 'x' } })));
    const listed = named(seen(await g.raw(request(`GET ${AT}?${name}=x`, [signedIn(g)]))));
    const result = batch.body.results[0]!;
    return [named(await post(g, native)), named({ status: result.status, headers: {}, body: result.problem! }), asBatch, listed];
  },
  bytes: async (g, bytes) => [ended(await g.raw(bytes as string))],
  origin: async (g, origin) => {
    const answers = await Promise.all([`GET ${AT}`, `OPTIONS ${AT}`, 'GET /nothing'].map((line) => g.raw(request(line, [`Origin: ${String(origin)}`, 'Access-Control-Request-Method: POST']))));
    for (const { text } of answers) if (/access-control-/i.test(text)) throw new Error('a CORS header');
    return [seen(answers[0]!)];
  },
  sender_number: (g, number) => Promise.all([g.user, g.device].map(async (client) => replied(await client('POST', AT, { body: { sender_number: number, message_body: 'hello' } })))),
  message_body: async (g, text) => [await post(g, { sender_number: '+15550001111', message_body: text })],
  body: async (g, text) => [await post(g, { to: '+15550002222', body: text })],
  'Idempotency-Key': async (g, key) => [replied(await g.user('POST', AT, { body: { to: '+15550002222', body: 'a' }, headers: { 'idempotency-key': String(key) } }))],
  'round trip': async (g, text) => {
    const answer = await post(g, { to: '+15550002222', body: text });
    const id = String(answer.body['id']);
    const shown = await g.whole.shown(g.user, id, 'sent');
    const life = (await g.user('GET', `${AT}/${id}/events`)).body.events[0]!.data['body'];
    const received = g.whole.mock.received().find((c) => c.idempotencyKey === `${id}/1`)!.text;
    for (const came of [shown['body'], life, received]) if (came !== text) throw new Error(`came back as ${JSON.stringify(came)}`);
    return [answer];
  },
};

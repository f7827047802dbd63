/** Row T84 over the whole house: every secret that there is goes into every route, in the wrong places too, and into calls that fail; then everything that was written or said is searched. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterAll, expect, it } from '@jest/globals';
import { openApiDocument } from '#apps/api/openapi';
import { startGatewayMock } from '#apps/gateway-mock/gateway-mock';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { COOKIE_NAME } from '#libs/identity/session/cookie';
import { Program } from './program.js';
import { filesBelow, foundIn } from './spellings.js';

const PASSWORD = 'Canary-Passw0rd-e41b', SMTP_PASSWORD = 'canary-smtp-77d0c2', BOT_TOKEN = '987654:canary-bot-19ce55', ADMIN_PASSWORD = 'Canary-Adm1n-5a5e';
const EMAIL = 'canary.everywhere.3f@example.com', NUMBER = '+4915155507777', BODY = 'Canary-b0dy-8842: see you at eight';
const INJECTED = ['x\n{"level":"fatal","msg":"injected-line"}', 'x\r\n{"level":"fatal","msg":"injected-line"}', '\u001b[31mred-canary'];
const folder = mkdtempSync(join(tmpdir(), 'heliograph-'));
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

interface Answer { status: number; headers: Record<string, string | string[] | undefined>; text: string; body: Record<string, unknown> }
const portOf = (server: Pick<Server, 'address'>): number => (server.address() as AddressInfo).port;

/** A collector of traces that keeps what it is sent. */
async function collector(): Promise<{ server: Server; heard: string[] }> {
  const heard: string[] = [];
  const server = createServer((asked, answer) => {
    let text = '';
    asked.setEncoding('utf8').on('data', (part: string) => { text += part; }).on('end', () => { heard.push(text); answer.writeHead(200, { 'content-type': 'application/json' }).end('{}'); });
  });
  await new Promise<void>((listening) => { server.listen(0, '127.0.0.1', () => listening()); });
  return { server, heard };
}

/** A mail server that says again what it was told, in every refusal; once `taking`, it takes everything. */
async function echoingMailServer(): Promise<{ server: SMTPServer; port: number; mails: string[]; refused: string[]; taking: { password: boolean; all: boolean } }> {
  const mails: string[] = [], refused: string[] = [], taking = { password: false, all: false };
  const no = (text: string, responseCode: number): Error => { refused.push(text); return Object.assign(new Error(text), { responseCode }); };
  const server = new SMTPServer({
    allowInsecureAuth: true, disabledCommands: ['STARTTLS'], disableReverseLookup: true, logger: false,
    onAuth({ username, password }, _, done) { if (taking.password) done(null, { user: username }); else done(no(`${username} may not sign in with ${password}`, 535)); },
    onRcptTo({ address }, _, done) { if (taking.all) done(); else done(no(`nobody here is called ${address}`, 550)); },
    onData(stream, _, done) { let text = ''; stream.setEncoding('utf8').on('data', (part: string) => { text += part; }).on('end', () => { mails.push(text.replace(/=\r?\n/g, '').replaceAll('=3D', '=')); done(); }); },
  });
  server.on('error', () => { /* a line that breaks off is no trouble of ours */ });
  await new Promise<void>((listening) => { server.listen(0, '127.0.0.1', () => listening()); });
  return { server, port: portOf(server.server as unknown as Server), mails, refused, taking };
}

it('T84 no secret is in the output, the spans, the metrics, the data folder or the answers to others, wherever it was sent', async () => {
  const mock = await startGatewayMock({ port: 0, host: '127.0.0.1' }), mail = await echoingMailServer(), traces = await collector();
  const gatewaysFile = join(folder, 'gateways.json');
  writeFileSync(gatewaysFile, JSON.stringify([{ name: 'quick', kind: 'sms-http', url: `${mock.url}/gateway/gateway.jsp`, deadlineMs: 1_000, retry: { kind: 'constant', everyMs: 100, attempts: 1, spanMs: 5_000 } }]));
  const program = new Program(folder, {
    GATEWAYS_FILE: gatewaysFile, EGRESS_ALLOW: `${new URL(mock.url).host},127.0.0.1:${mail.port}`, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${portOf(traces.server)}/`,
    RATE_LIMIT_MINUTE: '1000000', RATE_LIMIT_HOUR: '1000000', ADMIN_PASSWORD,
  });
  try {
    const server = await program.start();
    const said: Record<string, Buffer> = {};
    const ask = (method: string, path: string, { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {}): Promise<Answer> => new Promise((resolve, reject) => {
      const content = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
      const asked = request(server.url + path, { method, agent: false, headers: { ...(content === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(content)) }), ...headers } }, (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part)).once('error', reject).once('end', () => {
          const text = Buffer.concat(parts).toString();
          resolve({ status: answer.statusCode!, headers: answer.headers, text, body: text.startsWith('{') ? JSON.parse(text) as Record<string, unknown> : {} });
        });
      });
      asked.once('error', reject).end(content);
    });
    const good = async (...asked: Parameters<typeof ask>): Promise<Answer> => {
      const answer = await ask(...asked);
      if (answer.status >= 300) throw new Error(`${asked[0]} ${asked[1]}: ${answer.status} ${answer.text}`);
      return answer;
    };
    const bearer = (token: unknown): { headers: Record<string, string> } => ({ headers: { authorization: `Bearer ${String(token)}` } });

    // all secrets that there are, made as people make them
    const admin = bearer((await good('POST', '/api/auth/login', { body: { username: 'SMSadmin', password: ADMIN_PASSWORD } })).body['token']);
    const ops = bearer((await program.cli('tokens', 'create', '--owner', 'ops', '--role', 'admin')).out.trim());
    const { body: { user_id: id } } = await good('POST', '/auth/register', { body: { name: 'Some Body', email: EMAIL, password: PASSWORD } });
    await good('POST', `/api/v1/users/${String(id)}/role`, { ...admin, body: { role: 'operator' } });
    const signedIn = await good('POST', '/auth/login', { body: { email: EMAIL, password: PASSWORD } });
    const [cookie] = [signedIn.headers['set-cookie']].flat() as [string];
    const { access_token: access, refresh_token: refresh, token } = signedIn.body as Record<string, string>;
    const key = String((await good('POST', '/api/v1/api-keys', { ...bearer(token), body: { name: 'canary', scopes: ['messages:read'], expires_in_days: 1 } })).body['key']);
    const pem = String((await good('POST', '/api/v1/certificates', { ...admin, body: { owner: String(id), days: 1 } })).body['private_key']).split('\n');
    const email = { smtp_host: '127.0.0.1', smtp_port: mail.port, smtp_user: 'house', smtp_password: SMTP_PASSWORD, smtp_tls: false };
    await good('PUT', '/api/v1/settings', { ...admin, body: { email, telegram: { bot_token: BOT_TOKEN }, confirm: true } });

    // mails that fail, by a server that says everything again; then one that arrives
    const forgotten = async (ended: RegExp): Promise<void> => {
      await good('POST', '/auth/password/forgot', { body: { email: EMAIL } });
      await until(`a mail ended: ${String(ended)}`, async () => ended.test((await ask('GET', '/metrics')).text), 8_000);
    };
    await forgotten(/^heliograph_mails_total\{outcome="failed",problem="sign_in"\} 1$/m);
    mail.taking.password = true;
    await forgotten(/^heliograph_mails_total\{outcome="failed",problem="refused"\} 1$/m);
    expect(mail.refused.join()).toMatch(new RegExp(`${SMTP_PASSWORD}.*${EMAIL}`));
    mail.taking.all = true;
    await forgotten(/^heliograph_mails_total\{outcome="sent",problem="none"\} 1$/m);
    const link = /token=([\w.-]+)/.exec(mail.mails[0]!)![1]!;

    const secrets: Record<string, string> = {
      password: PASSWORD, admin: ADMIN_PASSWORD, access: access!, refresh: refresh!, cookie: cookie.slice(cookie.indexOf('=') + 1, cookie.indexOf(';')), token: token!, key, pem: pem[2]!, smtp: SMTP_PASSWORD, bot: BOT_TOKEN, link, phone: NUMBER, email: EMAIL, body: BODY,
    };
    // a message that goes out, and attempts that hang, fail and come back as garbage
    const send = async (to: string): Promise<void> => {
      const sent = await good('POST', '/api/v1/messages', { ...bearer(token), body: { to, body: BODY, gateway: 'quick', channel: 'sms', metadata: { note: INJECTED } } });
      await until(`the attempt to ${to} has ended`, async () => /"outcome":"(failed|unknown|sent)"/.test((await ask('GET', `/api/v1/messages/${String(sent.body['id'])}`, bearer(token))).text), 8_000);
    };
    await send(NUMBER);
    for (const fault of [{ kind: 'hang' }, { kind: 'status', status: 500 }, { kind: 'garbage' }] as const) { mock.setFault(fault); await send(NUMBER); }

    // every route, with each secret in its path, query, headers and body
    const { paths } = await openApiDocument();
    const routes = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, takes: JSON.stringify(operation).includes('"requestBody"') })));
    expect(routes.length).toBeGreaterThan(70);
    const statuses = new Map<number, number>();
    // signing out ends the credential that asks for it
    const by = (path: string): Record<string, string> => (path.endsWith('/logout') ? {} : ops.headers);
    const silent = async (what: string, ...asked: Parameters<typeof ask>): Promise<void> => {
      const { status, headers, body, text } = await ask(...asked);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      // what the client wrote into the address itself comes back to him as `instance`, and a field that nobody knows is named
      const errors = (body['errors'] as { message: string }[] | undefined)?.map(({ message }) => message).filter((text) => !/should not exist|is not a parameter of this address/.test(text));
      if (status >= 300) said[`${what} (${status})`] = Buffer.from(JSON.stringify([headers, Object.keys(body).length > 0 ? { ...body, instance: '', errors } : text]));
    };
    const FIELDS = ['username', 'email', 'name', 'to', 'body', 'key', 'token', 'owner', 'role', 'reason', 'refresh_token', 'settings', 'messages', 'sender_number', 'message_body', 'scopes', 'elsewhere'];
    for (const [name, secret] of Object.entries(secrets)) {
      const word = encodeURIComponent(secret), header = /^[ -~]*$/.test(secret) ? secret : word;
      const everywhere = { 'user-agent': header, referer: header, 'x-request-id': header, 'idempotency-key': header, 'x-heliograph-position': header, 'if-match': header, traceparent: header, tracestate: header, 'x-forwarded-for': header, accept: header, 'x-canary': header };
      // an unreadable header or query ends some requests before their body is looked at
      const asks = [everywhere, {}].flatMap((more) => routes.map(({ method, path, takes }) => () => silent(`${name} in ${method} ${path}, ${Object.keys(more).length}`, method, `${path.replace(/\{\w+\}/g, word)}${more === everywhere ? `?after=${word}&limit=${word}` : ''}`, {
        headers: { ...by(path), ...more }, ...(takes ? { body: Object.fromEntries(FIELDS.map((field) => [field, secret])) } : {}),
      })));
      asks.push(
        () => silent(`${name} as a parameter`, 'GET', `/api/v1/messages?${word}=1`, ops), () => silent(`${name} as a status`, 'GET', `/api/v1/messages?status=${word}&sender=${word}`, ops), () => silent(`${name} searched for`, 'GET', `/api/v1/users?search=${word}&role=${word}`, ops),
        () => silent(`${name} as Bearer`, 'GET', '/api/v1/settings', { headers: { authorization: `Bearer ${header}x` } }), () => silent(`${name} as Basic`, 'GET', '/auth/me', { headers: { authorization: `Basic ${Buffer.from(`x:${secret}`).toString('base64')}` } }),
        () => silent(`${name} as a key`, 'GET', '/api/v1/messages', { headers: { 'x-api-key': `${header}x` } }), () => silent(`${name} as a cookie`, 'GET', '/auth/me', { headers: { cookie: `${COOKIE_NAME}=${word}x; other=${word}` } }),
        () => silent(`${name} twice`, 'GET', '/api/v1/messages', { headers: { authorization: `Bearer ${header}`, 'x-api-key': header } }), () => silent(`${name} in broken JSON`, 'POST', '/api/v1/messages', { headers: ops.headers, body: `{"to":${JSON.stringify(secret)},` }),
        () => silent(`${name} as a key of JSON`, 'POST', '/api/v1/messages', { headers: ops.headers, body: { [secret.slice(0, 60)]: 1 } }), () => silent(`${name} as text`, 'POST', '/auth/login', { headers: { 'content-type': `text/x; a=${word}` }, body: secret }),
        () => silent(`${name} signs in`, 'POST', '/auth/login', { body: { username: secret.slice(0, 200), password: `${secret.slice(0, 100)}x` } }), () => silent(`${name} as a method's path`, 'PATCH', `/${word}/${word}`),
        // a line that is cut in the middle of a body
        () => new Promise<void>((closed) => { const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => { socket.end(`POST /api/v1/messages?${word} HTTP/1.1\r\nHost: a\r\nAuthorization: ${ops.headers['authorization']!}\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"to":"${secret}`); }); socket.on('error', () => {}).on('close', () => closed()).resume(); }),
      );
      for (let i = 0; i < asks.length; i += 8) await Promise.all(asks.slice(i, i + 8).map((one) => one()));
    }
    expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 400, 401, 404, 415, 422]));
    expect([...statuses.keys()].filter((status) => status >= 500)).toEqual([]);
    await good('GET', '/api/v1/settings', ops);

    // texts that would begin a line of their own, or colour one
    for (const text of INJECTED) {
      const word = encodeURIComponent(text);
      for (const { method, path, takes } of routes) await silent('an injected line', method, `${path.replace(/\{\w+\}/g, word)}?a=${word}`, { headers: { ...by(path), 'user-agent': word }, ...(takes ? { body: Object.fromEntries(FIELDS.map((field) => [field, text])) } : {}) });
      await silent('an injected line signs in', 'POST', '/auth/login', { body: { username: text, password: text } });
      const cli = await program.cli('tokens', 'create', '--owner', text, '--role', 'user');
      expect([cli.code === 0, (cli.out + cli.err).includes('\u001b'), /^\{/m.test(cli.out + cli.err)]).toEqual([false, false, false]);
    }

    for (const path of ['/metrics', '/health', '/ready', '/docs']) said[path] = Buffer.from((await ask('GET', path)).text);
    for (const path of ['/api/v1/settings', '/api/v1/settings/export', '/api/v1/settings/audit', '/api/v1/api-keys', '/api/v1/certificates']) said[path] = Buffer.from((await good('GET', path, ops)).text);
    // signing in is told within a second, and spans go in batches
    await until('refused ones are written', async () => /heliograph_sign_ins_total\{outcome="unknown"\} [1-9]/.test((await ask('GET', '/metrics')).text), 5_000);
    server.child.kill('SIGTERM');
    const { out, err, code } = await server.ended;
    expect(code).toBe(0);

    /** What is looked for: of what has parts, the part that is secret. */
    const values: Record<string, string> = { ...secrets, access: access!.split('.')[2]!, refresh: refresh!.split('.')[2]!, token: token!.split('_')[2]!, 'the cookie\'s MAC': secrets['cookie']!.slice(secrets['cookie']!.lastIndexOf('.') + 1), key: key.slice(15), link: link.split('.')[2]!, digits: NUMBER.slice(1), 'word of the body': 'Canary-b0dy' };
    expect(Object.entries(values).filter(([, value]) => !value || value.length < 10).map(([name]) => name)).toEqual([]);
    const { 'views.db': views, 'views.db-wal': viewsWal = Buffer.alloc(0), ...files } = filesBelow(join(folder, 'data'));
    expect(Object.keys(files)).toEqual(expect.arrayContaining(['log.db', 'keys.db']));
    const places = { ...said, stdout: Buffer.from(out), stderr: Buffer.from(err), spans: Buffer.from(traces.heard.join('\n')), ...files };
    expect(foundIn(values, places)).toEqual([]);
    // names stand in views in the open, to be searched by administrators, and nothing else does
    const { email: _, ...sealed } = values;
    expect(foundIn(sealed, { views: views!, viewsWal })).toEqual([]);

    // each line of output is one entry, and nobody wrote one of his own
    const lines = out.split('\n').filter((line) => line !== '');
    const entries = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries.filter(({ msg }) => msg === 'answered').length).toBeGreaterThan(1_000);
    expect(entries.filter(({ level, msg }) => level === 'fatal' || msg === 'injected-line')).toEqual([]);
    expect(['\u001b', 'injected-line', 'red-canary'].filter((text) => (out + err).includes(text))).toEqual([]);
    const known = new Set([...Object.keys(paths).map((path) => path.replaceAll(/\{(\w+)\}/g, ':$1')), 'unknown']);
    expect([...new Set(entries.flatMap(({ route }) => (typeof route === 'string' ? [route] : [])))].filter((route) => !known.has(route))).toEqual([]);
    // the control: what may stand there is found by the same search
    expect(foundIn({ route: '/api/v1/settings/:category' }, places)).toEqual(expect.arrayContaining(['route as bytes in stdout', 'route as bytes in spans']));
    expect(foundIn({ event: 'UserRegistered' }, places)).toEqual(expect.arrayContaining(['event as bytes in log.db']));
  } finally {
    program.end();
    await mock.close();
    traces.server.closeAllConnections();
    await Promise.all([new Promise<void>((closed) => { traces.server.close(() => closed()); }), new Promise<void>((closed) => { mail.server.close(() => closed()); })]);
  }
}, 180_000);

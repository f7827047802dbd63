import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openFolder } from '../standalone/control/folder.js';
import { LivedInHouse, until } from './testing/lived-in-house.js';

type Rows = Record<string, unknown>[];

describe('the command line beside a running server', () => {
  const lived = new LivedInHouse();
  let admin = '', message = '';
  beforeAll(async () => {
    await lived.prepare();
    await lived.start();
    admin = (await lived.json('tokens', 'create', '--owner', 'ops', '--role', 'admin'))['token'] as string;
    const sent = await lived.call('/api/v1/messages', admin, { to: '+15550001111', body: 'Grüße\n\u202eX' });
    message = sent.body['id'] as string;
    await until(async () => (await lived.call(`/api/v1/messages/${message}`, admin)).body['status'] === 'sent');
  });
  afterAll(() => lived.end());

  it('T76 the control socket is the owner\'s alone', () => {
    expect(statSync(join(lived.folder, 'data', 'control.sock')).mode & 0o777).toBe(0o600);
  });

  it('a token is printed alone on stdout, once; the list does not hold it, nor does anything in the data folder', async () => {
    const { out, err } = await lived.run('tokens', 'create', '--owner', 'shop', '--role', 'user', '--expires-days', '7');
    expect(out).toMatch(/^hgt_[0-9a-f]{32}_[0-9a-f]{64}\n$/);
    const secret = out.trim().split('_')[2]!;
    expect(err).not.toContain(secret);
    expect((await lived.run('tokens', 'list')).out).not.toContain(secret);
    for (const file of readdirSync(lived.env['DATA_DIR']!)) if (!file.endsWith('.sock')) expect(readFileSync(join(lived.env['DATA_DIR']!, file)).includes(secret)).toBe(false);
    const listed = (await lived.json('tokens', 'list', '--owner', 'shop'))['credentials'] as Rows;
    expect(listed).toEqual([expect.objectContaining({ owner: 'shop', role: 'user', state: 'expiring', revoked_at: null, last_used_at: null })]);
  });

  it('T71 a revocation counts at the API within 5 s, and twice is once', async () => {
    const { id, token } = await lived.json('tokens', 'create', '--owner', 'gone', '--role', 'user') as { id: string; token: string };
    expect((await lived.call('/api/v1/messages', token)).status).toBe(200);
    const began = performance.now();
    expect(await lived.json('tokens', 'revoke', id)).toMatchObject({ id, owner: 'gone', already: false });
    await until(async () => (await lived.call('/api/v1/messages', token)).status === 401);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(await lived.json('tokens', 'revoke', id)).toMatchObject({ already: true });
  });

  it('a certificate\'s files are its owner\'s alone; it is known, listed, and revoked by its serial however it is written', async () => {
    const made = await lived.json('certs', 'issue', '--owner', 'till', '--days', '20') as { serial: string; folder: string };
    expect(statSync(made.folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(made.folder, 'client.key')).mode & 0o777).toBe(0o600);
    expect((await lived.json('certs', 'list'))['credentials']).toEqual([expect.objectContaining({ id: made.serial, owner: 'till', role: 'user', state: 'expiring' })]);
    expect((await lived.run('certs', 'issue', '--owner', 'till')).failed).toMatchObject({ exit: 1, failure: { code: 'conflict' } });
    const renewed = await lived.json('certs', 'renew', made.serial, '--days', '40') as { serial: string; folder: string };
    expect(renewed).toMatchObject({ owner: 'till', role: 'user', renewed: made.serial, revoked: false, folder: expect.stringMatching(/till-\d{4}-\d\d-\d\d$/) });
    expect([(await lived.house!.credentials.find(made.serial))?.revoked, (await lived.house!.credentials.find(renewed.serial))?.revoked]).toEqual([null, null]);
    expect(await lived.json('certs', 'renew', renewed.serial, '--name', 'till.next', '--revoke-old')).toMatchObject({ revoked: true });
    expect((await lived.house!.credentials.find(renewed.serial))?.revoked).toMatchObject({ reason: 'replaced' });
    const spelled = made.serial.toUpperCase().replace(/..(?=.)/g, '$&:');
    await lived.json('certs', 'revoke', spelled);
    expect((await lived.house!.credentials.find(made.serial))?.revoked).not.toBeNull();
    expect((await lived.run('tokens', 'revoke', made.serial)).failed).toMatchObject({ exit: 1, failure: { code: 'not_found' } });
  });

  it('an owner may be an account, by its name: its token and certificate are the account\'s, and end with it', async () => {
    const made = await lived.json('users', 'create', 'cli.owner', '--role', 'operator') as { id: string };
    const { token, owner } = await lived.json('tokens', 'create', '--owner', 'cli.owner', '--role', 'admin') as { token: string; owner: string };
    expect(owner).toBe(made.id);
    // the lower of both roles counts
    expect((await lived.call('/api/v1/settings', token)).status).toBe(403);
    expect((await lived.call('/api/v1/messages', token)).status).toBe(200);
    expect(await lived.json('certs', 'issue', '--owner', 'cli.owner')).toMatchObject({ owner: made.id, folder: expect.stringMatching(/cli\.owner$/) });
    expect((await lived.json('tokens', 'list', '--owner', 'cli.owner'))['credentials']).toEqual([expect.objectContaining({ owner: made.id })]);
    const stateOf = async (what: string): Promise<unknown> => ((await lived.json(what, 'list', '--owner', made.id))['credentials'] as Rows)[0]!['state'];
    expect([await stateOf('tokens'), await stateOf('certs')]).toEqual(['active', 'active']);
    await lived.json('users', 'disable', 'cli.owner');
    await until(async () => (await lived.call('/api/v1/messages', token)).status === 401);
    expect([await stateOf('tokens'), await stateOf('certs')]).toEqual(['ended', 'active']);
    await lived.json('users', 'delete', 'cli.owner');
    expect([await stateOf('tokens'), await stateOf('certs')]).toEqual(['ended', 'ended']);
  });

  it('who signs up under an owner\'s name is given nothing of his: only the id says that he is meant', async () => {
    const signUp = await lived.call('/auth/signup', '', { username: 'ops', password: 'password123' });
    expect(signUp.status).toBe(201);
    const stranger = signUp.body['id'] as string;
    for (const [what, ...more] of [['tokens', 'create'], ['certs', 'issue']] as const) {
      const { failed } = await lived.run(what, ...more, '--owner', 'ops', '--role', 'user');
      expect(failed).toMatchObject({ exit: 1, failure: { code: 'validation_failed', errors: [{ field: 'owner', message: expect.stringContaining('give its id (usr_…)') }] } });
    }
    expect(await lived.json('tokens', 'create', '--owner', stranger, '--role', 'user')).toMatchObject({ owner: stranger });
    // looked for, the account is meant, and where there are two the answer says so
    const { out, err } = await lived.run('tokens', 'list', '--owner', 'ops');
    expect([out.includes(stranger), err]).toEqual([true, `These are of the account ${stranger}, which is called ops. An owner without an account is called so too: its own are listed without --owner.\n`]);
    const listed = await lived.run('messages', 'list', '--owner', 'ops');
    expect([listed.out, listed.err]).toEqual(['There are none.\n', err]);
    expect(await lived.json('certs', 'list', '--owner', 'ops')).toEqual({ credentials: [], more: false, note: null });
  });

  it('messages are listed and shown', async () => {
    expect((await lived.json('messages', 'list', '--status', 'sent'))['messages']).toEqual([expect.objectContaining({ id: message, to: '+15550001111', owner: 'ops' })]);
    expect((await lived.run('messages', 'list', '--owner', 'nobody')).out).toBe('There are none.\n');
    expect(await lived.json('messages', 'show', message)).toMatchObject({ id: message, status: 'sent', attempts: 1, recent_attempts: [{ outcome: 'sent', n: 1 }] });
  });

  it('a message\'s life is told in plain words, safe for a terminal; without an id it is the newest one\'s', async () => {
    const { out } = await lived.run('messages', 'replay');
    expect(out).toContain(`${message}  sent`);
    expect(out).toMatch(/\+0 ms {2}accepted for ops: channel sms, gateway sms {2}by api-token:/);
    expect(out).toMatch(/attempt 1 succeeded after \d+ ms, HTTP 200 {2}by system:worker/);
    expect(out).toContain('to +15550001111');
    expect(out).toContain('\\u202eX');
    expect(out).toMatch(/^[\n -~]+$/);
    const life = await lived.json('messages', 'replay', message) as { events: Rows };
    expect(life.events.map((e) => e['type'])).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptSent']);
  });

  it('says when a message was erased', async () => {
    const { kernel } = lived.house!;
    const { body } = await lived.call('/api/v1/messages', admin, { to: '+15550002222', body: 'to be forgotten' });
    const id = body['id'] as string;
    await until(async () => (await lived.call(`/api/v1/messages/${id}`, admin)).body['status'] === 'sent');
    const subject = (await kernel.keyring.find({ kind: 'number', value: '+15550002222' }))!;
    await kernel.keyring.forget([subject]);
    const { out } = await lived.run('messages', 'replay', id);
    expect(out).toContain('erased: text and numbers can no longer be read');
    expect(out).toContain('text erased');
    expect(out).not.toContain('+15550002222');
  });

  it.each(['message-log', 'credential-list', 'due-work'])('T80 rebuilding %s while the server runs leaves the same rows, and sends nothing', async (name) => {
    const look = async (): Promise<unknown> => [await lived.json('messages', 'list'), await lived.json('tokens', 'list'), await lived.json('certs', 'list')];
    const before = await look();
    const head = await lived.house!.engine.eventStore.head();
    const received = lived.house!.metrics.calls.get();
    expect(await lived.json('projections', 'rebuild', name)).toMatchObject({ name });
    expect(await look()).toEqual(before);
    expect(await lived.house!.engine.eventStore.head()).toBe(head);
    expect(await lived.house!.metrics.calls.get()).toEqual(await received);
    const view = ((await lived.json('projections', 'list'))['views'] as Rows).find((v) => v['name'] === name);
    expect(view).toMatchObject({ stopped: null, running: true, parked: [] });
    // its follower goes on afterwards
    const { body } = await lived.call('/api/v1/messages', admin, { to: '+15550003333', body: name });
    await until(async () => (await lived.call(`/api/v1/messages/${body['id'] as string}`, admin)).body['status'] === 'sent');
  });

  it('wrong usage is told apart from a refusal', async () => {
    expect((await lived.run('tokens', 'create', '--owner', 'Not A Name', '--role', 'user')).failed).toMatchObject({ exit: 1, failure: { code: 'validation_failed', errors: [{ field: 'owner' }] } });
    expect((await lived.run('projections', 'rebuild', 'nope')).failed?.failure.code).toBe('not_found');
  });

  it('doctor finds everything in order', async () => {
    const { findings } = await lived.json('doctor') as { findings: Rows };
    expect(findings.filter((f) => f['state'] === 'fail')).toEqual([]);
    expect(findings.map((f) => f['check'])).toEqual(expect.arrayContaining(['node', 'configuration', 'data folder', 'free space', 'master key', 'server certificate', 'log', 'clock', 'view message-log', 'view due-work']));
  });
});

describe('the command line alone', () => {
  const lived = new LivedInHouse();
  beforeAll(() => lived.prepare());
  afterAll(() => lived.end());

  it('certs init makes what is missing, in production too, and overwrites nothing', async () => {
    lived.env = { ...lived.env, NODE_ENV: 'production' };
    expect((await lived.run('tokens', 'list')).failed?.message).toContain('npx heliograph certs init');
    expect((await lived.json('certs', 'init'))['made']).toHaveLength(5);
    const key = readFileSync(join(lived.folder, 'secrets', 'master.key'));
    expect((await lived.run('certs', 'init')).failed).toMatchObject({ exit: 1 });
    expect(readFileSync(join(lived.folder, 'secrets', 'master.key')).equals(key)).toBe(true);
  });

  it('works on the folder, with what a server left behind, and sends nothing of what is due', async () => {
    lived.env = { ...lived.env, NODE_ENV: 'test' };
    await lived.start();
    const admin = (await lived.json('tokens', 'create', '--owner', 'ops', '--role', 'admin'))['token'] as string;
    const { body } = await lived.call('/api/v1/messages', admin, { to: '+15550001111', body: 'later', send_at: new Date(Date.now() + 1_000).toISOString() });
    await lived.stop();
    const id = body['id'] as string;
    // a socket file that a killed server left
    writeFileSync(join(lived.env['DATA_DIR']!, 'control.sock'), '');
    await until(async () => Date.now() > Date.parse(body['send_at'] as string) + 100);
    expect((await lived.json('messages', 'list'))['messages']).toEqual([expect.objectContaining({ id, status: 'queued' })]);
    for (const name of ['message-log', 'due-work']) await lived.json('projections', 'rebuild', name);
    expect(((await lived.json('projections', 'list'))['views'] as Rows).find((v) => v['name'] === 'due-work')).toMatchObject({ rows: 1, running: false });
    expect(await lived.json('messages', 'replay')).toMatchObject({ events: [{ type: 'MessageAccepted' }] });
    // the next server does it
    await lived.start();
    await until(async () => (await lived.call(`/api/v1/messages/${id}`, admin)).body['status'] === 'sent');
    await lived.stop();
  });

  it('a second process is told that the folder is held', async () => {
    const folder = await openFolder(lived.configuration);
    try {
      const { failed } = await lived.run('messages', 'list');
      expect(failed).toMatchObject({ exit: 3, failure: { code: 'held' } });
      expect(failed?.message).toContain('Another process holds the data folder');
    } finally { await folder.close(); }
  });

  it('doctor names a wrong setting, and what fails', async () => {
    const env = lived.env;
    lived.env = { ...env, LISTEN_PORTS: 'x' };
    const wrong = await lived.run('doctor', '--json');
    expect(wrong.failed?.exit).toBe(1);
    expect(JSON.parse(wrong.out)).toMatchObject({ ok: false, findings: [{ check: 'node' }, { check: 'configuration', state: 'fail' }] });
    expect((await lived.run('messages', 'list')).failed).toMatchObject({ exit: 2 });
    lived.env = env;
  });
});

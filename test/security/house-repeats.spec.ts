/** Row T43: a request is repeated after the server was away, killed, or long running. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { Unavailable } from '#libs/event-sourcing/errors';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { WholeHouse } from '../journeys/whole-house.js';
import { Program } from './program.js';

const AT = '/api/v1/messages';
const BODY = { to: '+15550002222', body: 'once', send_at: '2099-01-01T00:00:00.000Z' };

it('T43 a first try that ended 503 is not remembered', async () => {
  const whole = await WholeHouse.open();
  try {
    const user = await whole.signedIn('owner-a');
    const { eventStore } = whole.house.engine;
    const append = eventStore.append.bind(eventStore);
    eventStore.append = () => Promise.reject(new Unavailable('the log'));
    const asked = { body: BODY, headers: { 'idempotency-key': 'key-503' } };
    const refused = await user('POST', AT, asked);
    expect([refused.status, refused.headers['retry-after'], refused.body['code']]).toEqual([503, '1', 'unavailable']);
    eventStore.append = append;
    const then = await user('POST', AT, asked);
    expect([then.status, then.headers['idempotency-replayed']]).toEqual([202, undefined]);
    const again = await user('POST', AT, asked);
    expect([again.status, again.text, again.headers['idempotency-replayed']]).toEqual([202, then.text, 'true']);
  } finally { await whole.close(); }
}, 20_000);

it('T43 after 24 h, less a second: as the first time', async () => {
  const whole = await WholeHouse.open();
  try {
    const token = await whole.token('owner-a');
    const asked = { body: BODY, headers: { 'idempotency-key': 'key-day' } };
    const first = await whole.bearer(token)('POST', AT, asked);
    await whole.stop();
    const later = 24 * 3_600_000 - 1_000;
    await whole.start({ clock: { ...systemClock, now: () => new Date(Date.now() + later) } });
    const again = await whole.bearer(token)('POST', AT, asked);
    expect([again.status, again.text, again.headers['idempotency-replayed']]).toEqual([202, first.text, 'true']);
    expect(await whole.events(first.body.id)).toHaveLength(1);
  } finally { await whole.close(); }
}, 20_000);

it('T43 after kill -9: the same answer, and one message', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'heliograph-'));
  const program = new Program(folder, { GATEWAY_SMS_URL: 'http://127.0.0.1:9/', EGRESS_ALLOW: '127.0.0.1:9' });
  try {
    await program.cli('certs', 'init');
    const made = await program.cli('tokens', 'create', '--owner', 'owner-a', '--role', 'user');
    expect(made.code).toBe(0);
    const ask = async (url: string, path = AT, init: object = { method: 'POST', body: JSON.stringify(BODY) }): Promise<{ status: number; text: string; replayed: string | null }> => {
      const answer = await fetch(url + path, { ...init, headers: { authorization: `Bearer ${made.out.trim()}`, 'content-type': 'application/json', 'idempotency-key': 'key-kill', connection: 'close' } });
      return { status: answer.status, text: await answer.text(), replayed: answer.headers.get('idempotency-replayed') };
    };
    const killed = await program.start();
    const first = await ask(killed.url);
    killed.child.kill('SIGKILL');
    await killed.ended;
    expect(first).toMatchObject({ status: 202, replayed: null });
    const then = await program.start();
    try {
      expect(await ask(then.url)).toEqual({ ...first, replayed: 'true' });
      expect((JSON.parse((await ask(then.url, AT, {})).text) as { messages: unknown[] }).messages).toHaveLength(1);
    } finally { then.child.kill('SIGTERM'); await then.ended; }
  } finally { program.end(); rmSync(folder, { recursive: true, force: true }); }
}, 60_000);

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { patience, WholeHouse, type Body, type Client } from './whole-house.js';

const AT = '/api/v1/messages';
let whole: WholeHouse, user: Client, other: Client, admin: Client, device: Client;
let number = 10_000;
/** A number that nobody had before. */
const fresh = (): string => `+1555${String(number++).padStart(7, '0')}`;

beforeAll(async () => {
  whole = await WholeHouse.open();
  [user, other, admin, device] = await Promise.all([whole.signedIn('journeys'), whole.signedIn('somebody'), whole.signedIn('boss', 'admin'), whole.certified('device')]);
}, 30_000);
afterAll(() => whole.close());
beforeEach(() => whole.mock.clearFaults());

const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString();
const accepted = async (client: Client, over: object = {}): Promise<Body> => {
  const reply = await client('POST', AT, { body: { to: fresh(), body: 'hello', ...over } });
  expect([reply.status, reply.text]).toEqual([202, expect.any(String)]);
  return reply.body;
};

describe('a message', () => {
  it.each(['token', 'certificate'])("S1's body, with a %s: Pending, then Delivered, its life told", async (how) => {
    const client = how === 'token' ? user : device, sender = fresh();
    const reply = await client('POST', AT, { body: { sender_number: sender, message_body: 'Hello from S1' } });
    expect(reply.status).toBe(200);
    expect(reply.headers['x-heliograph-position']).toEqual(expect.any(String));
    const { message_id: id } = reply.body;
    expect(id).toMatch(/^msg_[A-Za-z0-9_-]{20,}$/);
    const shown = await whole.shown(client, id, 'sent');
    expect(shown).toMatchObject({ id, channel: 'http', sender, to: null, body: 'Hello from S1', s1_status: 'Delivered', attempts: 1, segments: null, next_attempt_at: null });
    expect(shown.recent_attempts).toEqual([expect.objectContaining({ n: 1, outcome: 'sent', status_code: 200, problem: null, answer: expect.stringContaining('sink-') })]);
    expect(whole.mock.callsWith(`${id}/1`)).toBe(1);
    const life = await client('GET', `${AT}/${id}/events`);
    expect(life.body.events.map((e) => e.type)).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptSent']);
    expect(life.body.events[0]!.data).toMatchObject({ sender, body: 'Hello from S1', shape: 's1' });
  });
  it.each(['token', 'certificate'])('the native body, with a %s: accepted, sent, shown', async (how) => {
    const client = how === 'token' ? user : device, to = fresh();
    const first = await accepted(client, { to, body: 'Grüße 👋', metadata: { order: 17, tags: ['a', { b: null }] } });
    expect(first).toMatchObject({ to, body: 'Grüße 👋', status: 'queued', s1_status: 'Pending', attempts: 0, channel: 'sms', gateway: 'sms', segments: 1, metadata: { order: 17, tags: ['a', { b: null }] } });
    expect(await whole.shown(client, first.id, 'sent')).toMatchObject({ to, metadata: { order: 17, tags: ['a', { b: null }] }, created_at: first.created_at, attempts: 1 });
    expect(whole.mock.received().filter((c) => c.recipient === to)).toEqual([expect.objectContaining({ text: 'Grüße 👋', idempotencyKey: `${first.id}/1`, duplicate: false })]);
  });
  it('fails twice, is tried again by itself, and goes through', async () => {
    const to = fresh();
    whole.mock.setFault({ kind: 'reset', number: to, times: 2 });
    const { id } = await accepted(user, { to, gateway: 'quick' });
    const shown = await whole.shown(user, id, 'sent');
    expect(shown.recent_attempts.map((a) => [a.n, a.outcome])).toEqual([[3, 'sent'], [2, 'unknown'], [1, 'unknown']]);
    expect([1, 2, 3].map((n) => whole.mock.callsWith(`${id}/${n}`))).toEqual([1, 1, 1]);
  });
  it('is dead when the policy has ended, failed when the gateway says no', async () => {
    const [lost, no] = [fresh(), fresh()];
    whole.mock.setFault({ kind: 'reset', number: lost });
    whole.mock.setFault({ kind: 'status', status: 400, number: no });
    const [a, b] = await Promise.all([accepted(user, { to: lost, gateway: 'quick' }), accepted(user, { to: no, gateway: 'quick' })]);
    expect(await whole.shown(user, a.id, 'dead')).toMatchObject({ attempts: 3, s1_status: 'Failed', next_attempt_at: null });
    expect(await whole.shown(user, b.id, 'failed')).toMatchObject({ attempts: 1, s1_status: 'Failed' });
  });
  it.each(['hang', 'reset'] as const)('T45 the gateway\'s answer does not come (%s), on_unknown hold: unknown, one submission, no more', async (kind) => {
    const to = fresh();
    whole.mock.setFault({ kind, number: to });
    const { id } = await accepted(user, { to, gateway: 'held' });
    expect(await whole.shown(user, id, 'unknown')).toMatchObject({ attempts: 1, next_attempt_at: null, s1_status: 'Failed' });
    expect(whole.mock.received().filter((c) => c.recipient === to)).toHaveLength(1);
    const cancelled = await user('POST', `${AT}/${id}/cancel`);
    expect([cancelled.status, cancelled.body]).toEqual([200, { id, status: 'cancelled' }]);
  });
  it('T45 the gateway answers after our deadline: unknown, then sent under the next attempt\'s own id', async () => {
    const to = fresh();
    whole.mock.setFault({ kind: 'delay', delayMs: 1_500, number: to, times: 1 });
    const { id } = await accepted(user, { to, gateway: 'quick' });
    await whole.shown(user, id, 'sent');
    expect((await whole.events(id)).map((e) => e.type)).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptUnknown', 'AttemptStarted', 'AttemptSent']);
    expect([whole.mock.callsWith(`${id}/1`), whole.mock.callsWith(`${id}/2`)]).toEqual([1, 1]);
  });
  it('waits for send_at, and ends at expires_at', async () => {
    const [sendAt, expiresAt] = [new Date(Date.now() + 400).toISOString(), new Date(Date.now() + 700).toISOString()];
    const later = await accepted(user, { send_at: sendAt });
    expect(later).toMatchObject({ send_at: sendAt, next_attempt_at: sendAt });
    const stuck = fresh();
    whole.mock.setFault({ kind: 'reset', number: stuck });
    const ending = await accepted(device, { to: stuck, expires_at: expiresAt });
    expect((await whole.shown(user, later.id, 'sent')).sent_at! >= sendAt).toBe(true);
    expect(await whole.shown(device, ending.id, 'expired')).toMatchObject({ expires_at: expiresAt, s1_status: 'Failed' });
  });
});

describe('cancelling', () => {
  it('queued: 200, and nothing is sent; again: the same', async () => {
    const { id, to } = await accepted(user, { send_at: inAnHour() });
    for (let i = 0; i < 2; i++) expect(await user('POST', `${AT}/${id}/cancel`)).toMatchObject({ status: 200, body: { id, status: 'cancelled' } });
    expect(await whole.shown(user, id, 'cancelled')).toMatchObject({ attempts: 0, next_attempt_at: null });
    expect(whole.mock.received().some((c) => c.recipient === to)).toBe(false);
  });
  it('sending: 202, and the outcome decides', async () => {
    const [yes, no] = [fresh(), fresh()];
    whole.mock.setFault({ kind: 'delay', delayMs: 200, number: yes });
    whole.mock.setFault({ kind: 'hang', number: no });
    for (const [to, end] of [[yes, 'sent'], [no, 'cancelled']] as const) {
      const { id } = await accepted(user, { to, gateway: 'quick' });
      await whole.shown(user, id, 'sending');
      expect(await user('POST', `${AT}/${id}/cancel`)).toMatchObject({ status: 202, body: { id, status: 'cancel_requested' } });
      expect(await whole.shown(user, id, end)).toMatchObject({ attempts: 1, cancel_requested: true });
    }
  });
  it('sent: 409', async () => {
    const { id } = await accepted(user);
    await whole.shown(user, id, 'sent');
    expect(await user('POST', `${AT}/${id}/cancel`)).toMatchObject({ status: 409, body: { code: 'already_final' } });
  });
});

describe("somebody else's message", () => {
  /** The answer without what only says which request it was. */
  const bare = (text: string, id: string): string => text.replaceAll(id, 'ID').replaceAll(/req_[A-Za-z0-9_]+/g, 'REQUEST');
  it('T32 whoever reads what is not his own is written down before he sees it, once a minute, and its owner may know', async () => {
    const { body: { id } } = await user('POST', AT, { body: { to: '+15550004444', body: 'for my eyes', send_at: '2099-01-01T00:00:00Z' } });
    await user('GET', `${AT}/${id}`);
    expect((await user('GET', `${AT}/${id}/looks`)).body).toEqual({ looks: [], next: null });
    for (const path of ['', '', '/events']) await admin('GET', `${AT}/${id}${path}`);
    const { body } = await user('GET', `${AT}/${id}/looks`);
    expect(body['looks']).toEqual([{ by: 'boss', credential: expect.stringMatching(/^api-token:/), what: 'message', at: expect.any(String) }, { by: 'boss', credential: expect.any(String), what: 'life', at: expect.any(String) }]);
    expect((await other('GET', `${AT}/${id}/looks`)).status).toBe(404);
    // none of it stands in the way of the message itself
    expect((await user('GET', `${AT}/${id}/events`)).body.events.map((e) => e.type)).toEqual(['MessageAccepted']);
  });

  it.each([['GET', ''], ['GET', '/events'], ['GET', '/looks'], ['POST', '/cancel']])('%s %s: 404, byte for byte that of an unknown id; an administrator sees it', async (method, path) => {
    const { id } = await accepted(user, { send_at: inAnHour() });
    const unknown = `${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`;
    for (const client of [other, device]) {
      const [hers, nobodys] = [await client(method, `${AT}/${id}${path}`), await client(method, `${AT}/${unknown}${path}`)];
      expect([hers.status, nobodys.status]).toEqual([404, 404]);
      expect(bare(hers.text, id)).toBe(bare(nobodys.text, unknown));
      expect(Object.keys(hers.headers).sort()).toEqual(Object.keys(nobodys.headers).sort());
    }
    expect((await admin(method, `${AT}/${id}${path}`)).status).toBe(200);
  });
  it('is in nobody else\'s list, by whatever is asked', async () => {
    const { id, to } = await accepted(user, { send_at: inAnHour() });
    await until('the list has it', async () => (await admin('GET', AT)).text.includes(id));
    for (const query of ['', `?sender=${encodeURIComponent(to)}`, '?status=queued', '?limit=200']) {
      expect((await other('GET', AT + query)).text).not.toContain(id);
      expect((await admin('GET', AT + query)).text).toContain(id);
    }
  });
});

describe('the list', () => {
  it('filters, pages newest first, and gives a cursor that only the same list takes back', async () => {
    const lister = await whole.signedIn('lister');
    const numbers = [fresh(), fresh()];
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.unshift((await accepted(lister, { to: numbers[i % 2], send_at: inAnHour() }))['id']);
    await whole.seen('message-log', await lister('POST', `${AT}/${ids[0]}/cancel`));
    const list = async (query: string): Promise<string[]> => (await lister('GET', AT + query)).body.messages.map((m) => m.id);
    expect(await list('')).toEqual(ids);
    expect(await list('?status=cancelled')).toEqual([ids[0]]);
    expect(await list(`?sender=${encodeURIComponent(numbers[1]!)}`)).toEqual(ids.filter((_, i) => i % 2 === 1));
    expect(await list(`?sender=${encodeURIComponent(fresh())}`)).toEqual([]);
    const third = (await lister('GET', `${AT}/${ids[2]}`)).body.created_at;
    expect(await list(`?created_to=${third}`)).toEqual(ids.slice(3));
    expect(await list(`?created_from=${third}`)).toEqual(ids.slice(0, 3));
    const pages: string[] = [];
    for (let next: string | null = ''; next !== null;) {
      const page = await lister('GET', `${AT}?limit=3${next ? `&after=${next}` : ''}`);
      pages.push(...page.body.messages.map((m) => m.id));
      next = page.body.next;
    }
    expect(pages).toEqual(ids);
    const { next } = (await lister('GET', `${AT}?limit=3`)).body;
    expect(await lister('GET', `${AT}?limit=3&status=queued&after=${next}`)).toMatchObject({ status: 422, body: { code: 'invalid_cursor' } });
    expect(await user('GET', `${AT}?limit=3&after=${next}`)).toMatchObject({ status: 422, body: { code: 'invalid_cursor' } });
    expect((await lister('GET', `${AT}?limit=201`)).status).toBe(422);
  });
  it('shows a message right after it was accepted', async () => {
    for (let i = 0; i < 10; i++) {
      const { id } = await accepted(user, { send_at: inAnHour() });
      await until('it is the newest', async () => (await user('GET', `${AT}?limit=1`)).body.messages[0]!.id === id, patience(250));
    }
  });
  it('pages the life', async () => {
    const { id } = await accepted(user);
    await whole.shown(user, id, 'sent');
    const types: string[] = [];
    for (let next: string | null = ''; next !== null;) {
      const page = await user('GET', `${AT}/${id}/events?limit=2${next ? `&after=${next}` : ''}`);
      types.push(...page.body.events.map((e) => e.type));
      next = page.body.next;
    }
    expect(types).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptSent']);
  });
});

/** Row T43 of the threats and batches, over real HTTP: the same key is the same answer, for as long as its message is kept. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { patience, WholeHouse, type Asked, type Client, type Reply } from './whole-house.js';

const AT = '/api/v1/messages', BATCH = `${AT}/batch`;
let whole: WholeHouse, user: Client, other: Client, keys = 0;
beforeAll(async () => {
  whole = await WholeHouse.open();
  [user, other] = await Promise.all([whole.signedIn('journeys'), whole.signedIn('somebody')]);
}, 30_000);
afterAll(() => whole.close());

const fresh = (): string => `key-${++keys}`;
const BODY = { to: '+15550002222', body: 'once', send_at: '2099-01-01T00:00:00.000Z', metadata: { a: 1, b: [2] } };
const post = (key: string, asked: Asked = { body: BODY }, client = user, path = AT): Promise<Reply> => client('POST', path, { ...asked, headers: { 'idempotency-key': key, ...asked.headers } });
const accepted = async (): Promise<number> => (await whole.house.engine.eventStore.readAll(null, ['message-'], 10_000)).events.filter((e) => e.type === 'MessageAccepted').length;

describe('T43 Idempotency-Key', () => {
  it('T43 100 at once: one message and 100 equal answers', async () => {
    const before = await accepted(), key = fresh();
    const replies = await Promise.all(Array.from({ length: 100 }, () => post(key)));
    expect(new Set(replies.map((r) => r.status))).toEqual(new Set([202]));
    expect(new Set(replies.map((r) => r.text)).size).toBe(1);
    expect(replies.filter((r) => r.headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect(await accepted()).toBe(before + 1);
  });
  it("T43 S1's body, 100 at once: one message and 100 equal answers", async () => {
    const before = await accepted(), key = fresh();
    const replies = await Promise.all(Array.from({ length: 100 }, () => post(key, { body: { sender_number: '+15550001111', message_body: 'once' } })));
    expect(new Set(replies.map((r) => `${r.status} ${r.text}`)).size).toBe(1);
    expect(await accepted()).toBe(before + 1);
  });
  it.each<[string, object]>([['text', { ...BODY, body: 'twice' }], ['recipient', { ...BODY, to: '+15550003333' }], ['metadata', { ...BODY, metadata: { a: 2, b: [2] } }], ['form', { sender_number: '+15550002222', message_body: 'once' }]])('T43 another %s under the same key: 422', async (_, body) => {
    const key = fresh(), first = await post(key);
    expect(await post(key, { body })).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
    expect((await post(key)).text).toBe(first.text);
  });
  it('T43 the same JSON in another order and with spaces: the same', async () => {
    const key = fresh(), first = await post(key);
    const again = await post(key, { raw: `{ "metadata": {"b":[2],  "a":1}, "send_at":"2099-01-01T00:00:00.000Z",\n "body":"once", "to":"+15550002222" }` });
    expect(again).toMatchObject({ status: 202, body: first.body });
    expect(again.headers['idempotency-replayed']).toBe('true');
  });
  it('T43 by another client, on another route: independent', async () => {
    const key = fresh(), [mine, hers] = [await post(key), await post(key, undefined, other)];
    expect(hers.status).toBe(202);
    expect(hers.body.id).not.toBe(mine.body.id);
    const batch = await post(key, { body: { messages: [BODY] } }, user, BATCH);
    expect(batch.status).toBe(207);
    expect(batch.headers['idempotency-replayed']).toBeUndefined();
  });
  it('T43 after it was sent, and after a restart: as the first time', async () => {
    const key = fresh(), token = await whole.token('restarted');
    const asked = { body: { to: '+15550002222', body: 'kept' } };
    const first = await post(key, asked, whole.bearer(token));
    await whole.shown(whole.bearer(token), first.body.id, 'sent');
    expect((await post(key, asked, whole.bearer(token))).text).toBe(first.text);
    await whole.stop();
    await whole.start();
    [user, other] = [await whole.signedIn('journeys'), await whole.signedIn('somebody')];
    const again = await post(key, asked, whole.bearer(token));
    expect([again.status, again.text, again.headers['idempotency-replayed']]).toEqual([202, first.text, 'true']);
    expect((await whole.events(first.body.id)).map((e) => e.type)).toEqual(['MessageAccepted', 'AttemptStarted', 'AttemptSent']);
  }, 20_000);
  it('T43 after its message has expired: as the first time', async () => {
    const key = fresh(), expires = new Date(Date.now() + 300).toISOString();
    const asked = { body: { ...BODY, send_at: undefined, expires_at: expires } };
    const first = await post(key, asked);
    const batch = await post(key, { body: { messages: [asked.body, BODY] } }, user, BATCH);
    await until('it has expired', () => new Date().toISOString() > expires);
    expect((await post(key, asked)).text).toBe(first.text);
    expect(await post(key, { body: { messages: [asked.body, BODY] } }, user, BATCH)).toMatchObject({ status: 207, body: batch.body });
    expect(await post(fresh(), asked)).toMatchObject({ status: 422 });
  });
  it.each([['256 characters', 'k'.repeat(256)], ['empty', ''], ['a space', 'a b'], ['not ASCII', 'k\u00e9y']])('T43 a key of %s: 422', async (_, key) =>
    expect(await post(key)).toMatchObject({ status: 422, body: { errors: [{ field: 'Idempotency-Key' }] } }));
  it('T43 a key of 255 characters passes', async () => expect((await post('k'.repeat(255))).status).toBe(202));
  it('T43 a first try that was refused is not remembered', async () => {
    const key = fresh();
    expect((await post(key, { body: { ...BODY, to: 'nobody' } })).status).toBe(422);
    const then = await post(key);
    expect([then.status, then.headers['idempotency-replayed']]).toEqual([202, undefined]);
  });
});

describe('a batch', () => {
  const item = (i: number, over: object = {}): object => ({ to: `+1555${String(i).padStart(7, '0')}`, body: `part ${i}`, ...over });
  it('207: each good one is queued at once, each bad one its problem; all are sent, and listed by batch', async () => {
    const reply = await user('POST', BATCH, { body: { messages: [item(1), item(2, { to: 'nobody' }), item(3, { metadata: { n: 3 } }), item(4, { expires_at: '2020-01-01T00:00:00Z' }), item(5)] } });
    const { batch, results } = reply.body;
    expect(reply).toMatchObject({ status: 207, body: { batch: expect.stringMatching(/^bat_/), accepted: 3, refused: 2 } });
    expect(results.map((r) => [r.index, r.status])).toEqual([[0, 202], [1, 422], [2, 202], [3, 422], [4, 202]]);
    expect(results[1]!.problem).toMatchObject({ code: 'validation_failed', errors: [{ field: 'to' }] });
    expect(results[3]!.problem).toMatchObject({ errors: [{ field: 'expires_at' }] });
    const ids = [0, 2, 4].map((i) => `${batch}.${i}`);
    expect(results.filter((r) => r.status === 202).map((r) => r.message.id)).toEqual(ids);
    const seen = await Promise.all(ids.map((id) => user('GET', `${AT}/${id}`)));
    expect(seen.map((s) => s.status)).toEqual([200, 200, 200]);
    expect(seen[1]!.body).toMatchObject({ batch, metadata: { n: 3 }, body: 'part 3' });
    for (const id of ids) await whole.shown(user, id, 'sent');
    await until('the view has its parts', async () => (await user('GET', `${AT}?batch=${batch}&status=sent`)).body.messages.length === 3);
    expect((await user('GET', `${AT}?batch=${batch}`)).body.messages.map((m) => m.id)).toEqual(ids.toReversed());
    for (const path of [`/${ids[0]}`, `/${ids[0]}/events`]) expect((await other('GET', AT + path)).status).toBe(404);
    expect((await other('GET', `${AT}?batch=${batch}`)).body.messages).toEqual([]);
    for (const i of [1, 3, 9]) expect((await user('GET', `${AT}/${batch}.${i}`)).status).toBe(404);
  });
  it('1,000: every one is sent once; the same key again is the same answer and nothing more', async () => {
    const key = fresh(), asked = { body: { messages: Array.from({ length: 1_000 }, (_, i) => item(10_000 + i)) } };
    const replies = await Promise.all([post(key, asked, user, BATCH), post(key, asked, user, BATCH)]);
    expect(replies.map((r) => r.status)).toEqual([207, 207]);
    expect(replies[1]!.body).toEqual(replies[0]!.body);
    const { batch } = replies[0]!.body;
    await until('all are sent', async () => (await whole.events(`${batch}.999`)).at(-1)?.type === 'AttemptSent' && whole.mock.received().filter((c) => c.idempotencyKey?.startsWith(`${batch}.`)).length >= 1_000, patience(20_000));
    const calls = whole.mock.received().filter((c) => c.idempotencyKey?.startsWith(`${batch}.`));
    expect(calls).toHaveLength(1_000);
    expect(new Set(calls.map((c) => c.idempotencyKey)).size).toBe(1_000);
    const again = await post(key, asked, user, BATCH);
    expect([again.body, again.headers['idempotency-replayed']]).toEqual([replies[0]!.body, 'true']);
    expect(await post(key, { body: { messages: asked.body.messages.slice(1) } }, user, BATCH)).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
  }, 30_000);
  it('its parts are cancelled as soon as they are answered as queued, also before they have a life of their own: 200, and none is sent', async () => {
    const { body: { batch } } = await post(fresh(), { body: { messages: Array.from({ length: 600 }, (_, i) => item(20_000 + i, { send_at: '2099-01-01T00:00:00.000Z' })) } }, user, BATCH);
    const ids = [599, 598, 0].map((i) => `${batch}.${i}`);
    // one that is not made within 5 s, as on servers that are busy, is asked for again, as its 503 says
    const cancel = async (id: string): Promise<Reply> => {
      let reply!: Reply;
      await until(`${id} is made`, async () => (reply = await user('POST', `${AT}/${id}/cancel`)).status !== 503, patience(4_000));
      return reply;
    };
    const cancelled = await Promise.all(ids.map(cancel));
    expect(cancelled.map(({ status, body }) => [status, body])).toEqual(ids.map((id) => [200, { id, status: 'cancelled' }]));
    for (const id of ids) expect((await whole.events(id)).map((e) => e.type)).toEqual(['MessageAccepted', 'MessageCancelled']);
  });
  it.each<[string, object]>([['none', { messages: [] }], ['1,001', { messages: Array.from({ length: 1_001 }, (_, i) => item(i)) }], ['no list', { messages: {} }], ['more than a list', { messages: [item(1)], pace: 3 }]])('%s: 422', async (_, body) =>
    expect((await user('POST', BATCH, { body })).status).toBe(422));
  it('all of it bad: 207 with problems, and no batch', async () => expect(await user('POST', BATCH, { body: { messages: [item(1, { to: 'x' }), 7] } })).toMatchObject({ status: 207, body: { batch: null, accepted: 0, refused: 2 } }));
});

/** WebSockets at one API, and what happens at another: revocations and messages reach them, whichever process they are at. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { SocketClient } from '../../journeys/socket-client.js';
import { askFor, wish } from '../house/sender.js';
import { UnderLoad } from './under-load.js';

const WITHIN_MS = 5_000;
let ground: UnderLoad, mine: string;
beforeAll(async () => {
  ground = await UnderLoad.open('sockets', { api: 2, projector: 1, worker: 1 }, {}, 0);
  mine = await ground.cluster.token('sockets');
}, 240_000);
const open: SocketClient[] = [];
afterAll(() => { for (const client of open) client.close(); return ground?.close(); }, 60_000);

const socket = async (api: number, token: string): Promise<SocketClient> => {
  const client = await SocketClient.on(new WebSocket(`ws://127.0.0.1:${ground.cluster.of('api')[api]!.port}/ws?token=${token}`, { perMessageDeflate: false }));
  open.push(client);
  return client;
};
/** A message acknowledged by the first API; its id. */
const sent = async (): Promise<string> => {
  const one = wish('native');
  ground.load.wishes.push(one);
  await askFor(ground.senders[0]!, one);
  expect(one.id).not.toBeNull();
  return one.id!;
};
const of = (client: SocketClient, id: string): string[] => client.told.filter((told) => told.id === id).map(({ type }) => type);
const LIFE = ['message.queued', 'message.sending', 'message.sent'];

describe('T04 what is revoked at one API', () => {
  it('T04 closes the sockets at the other within 5 s: a logout, a disabled account', async () => {
    const { body: { id } } = await ground.admin.ask('POST', '/api/v1/users', { username: 'ada', password: 'Correct-horse-8' });
    const login = async (): Promise<string> => String((await ground.senders[0]!.ask('POST', '/auth/login', { username: 'ada', password: 'Correct-horse-8' }, { authorization: '' })).body['access_token']);
    const [leaving, staying] = [await login(), await login()];
    const [here, there, other] = [await socket(0, leaving), await socket(1, leaving), await socket(1, staying)];
    let began = performance.now();
    expect((await ground.senders[0]!.ask('POST', '/auth/logout', undefined, { authorization: `Bearer ${leaving}` })).status).toBe(200);
    expect([await here.isClosed(WITHIN_MS), await there.isClosed(WITHIN_MS), performance.now() - began < WITHIN_MS]).toEqual([4401, 4401, true]);
    expect((await other.asks({ type: 'ping' })).type).toBe('pong');
    began = performance.now();
    expect((await ground.admin.ask('POST', `/api/v1/users/${String(id)}/disable`, {})).status).toBe(200);
    expect([await other.isClosed(WITHIN_MS), performance.now() - began < WITHIN_MS]).toEqual([4401, true]);
  }, 60_000);
});

describe('a message that is sent at one API', () => {
  it('is seen at the other as it goes, in order and once; and whoever was away resumes at either', async () => {
    const [here, there] = [await socket(0, mine), await socket(1, mine)];
    for (const client of [here, there]) await client.asks({ type: 'subscribe', events: ['message.*'] });
    const first = await sent();
    for (const client of [here, there]) {
      await client.hears('message.sent', ({ type, id }) => type === 'message.sent' && id === first);
      expect(of(client, first)).toEqual(LIFE);
    }
    expect(there.told.slice(1)).toEqual(here.told.slice(1));
    const { position } = there.told.at(-1)!;
    there.close();
    const missed = await sent();
    await here.hears('the second', ({ type, id }) => type === 'message.sent' && id === missed);
    const again = await socket(0, mine);
    again.send({ type: 'subscribe', events: ['message.*'], position });
    expect((await again.hears('resumed', ({ type }) => type === 'resumed')).count).toBe(3);
    expect(again.told.slice(1, -1)).toEqual(here.told.slice(-3));
  }, 60_000);
});

describe('a process that', () => {
  it('T87 goes down tells its sockets 1001, and the others stay', async () => {
    const [here, there] = [await socket(0, mine), await socket(1, mine)];
    expect(await ground.cluster.of('api')[1]!.kill('SIGTERM')).toBe(0);
    expect([await there.isClosed(), here.closed]).toEqual([1001, null]);
    await ground.cluster.of('api')[1]!.start();
  }, 60_000);
  it('does not hear the log any more closes them: 1013, and opens none until it hears it again', async () => {
    const client = await socket(1, mine);
    const { line } = ground.cluster.server('eventstoredb');
    line.silence();
    expect(await client.isClosed(15_000)).toBe(1013);
    line.mend();
    await ground.cluster.allReady();
    await until('it opens again', async () => socket(1, mine).then(() => true, () => false), 30_000);
  }, 120_000);
});

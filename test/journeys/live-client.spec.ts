/** The sample client of docs/guides/live.md, as it stands there: it tells what happens, and what happened while the server was away. */
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { RevokeCredential } from '#libs/identity/credential/credential.decider';
import { freePort } from '../bench/ground.js';
import type { Told } from './socket-client.js';
import { patience, WholeHouse, type Client } from './whole-house.js';

let whole: WholeHouse, env: Record<string, string>;
beforeAll(async () => {
  env = { LISTEN_PORTS: String(await freePort()) };
  whole = await WholeHouse.open({ env });
}, 60_000);
afterAll(() => whole.close());

it('tells every step of every message once, also of those that were sent while it was cut off', async () => {
  const token = await whole.token('somebody'), me = (): Client => whole.bearer(token);
  const child = spawn(process.execPath, ['ops/clients/live.mjs', `ws://localhost:${env['LISTEN_PORTS']}/ws`], { env: { TOKEN: token }, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => { child.once('close', resolve); });
  let out = '', closed = '';
  child.stdout.on('data', (bytes) => { out += String(bytes); });
  child.stderr.on('data', (bytes) => { closed += String(bytes); });
  try {
    const told = (): Told[] => out.split('\n').slice(0, -1).map((line) => JSON.parse(line) as Told);
    const send = async (): Promise<string> => (await me()('POST', '/api/v1/messages', { body: { to: '+15550001111', body: 'hello' } })).body.id;
    const of = (id: string): string[] => told().filter((frame) => frame.id === id).map(({ type }) => type);
    const LIFE = ['message.queued', 'message.sending', 'message.sent'];
    await until('it listens', () => told()[0]?.type === 'subscribed', patience(5_000));
    const first = await send();
    await until('it tells of the first', () => of(first).length === 3, patience(5_000));
    await whole.stop();
    await until('it is told that the server goes', () => closed.includes('closed: 1001'));
    await whole.start({ env });
    const second = await send();
    await until('it tells of the second', () => of(second).length === 3, patience(10_000));
    expect([of(first), of(second)]).toEqual([LIFE, LIFE]);
    expect(told().filter(({ type }) => type === 'resumed')).toHaveLength(1);
    await whole.house.api.bus.execute(new RevokeCredential(token.split('_')[1]!, { reason: 'requested' }, { principal: 'local:spec', correlationId: 'spec', causationId: 'spec' }));
    expect(await ended).toBe(1);
    expect(closed).toContain('closed: 4401 What you signed in with does not count any more. Sign in and connect again.');
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}, 60_000);

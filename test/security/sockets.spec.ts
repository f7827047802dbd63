/** The WebSocket door against strangers: who is let in, with what, and from where. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLog } from '#libs/platform/telemetry/log';
import { COOKIE_NAME } from '#libs/identity/session/cookie';
import { account, apiKey, signIn } from '../journeys/principals.js';
import { refusedHandshake, SocketClient } from '../journeys/socket-client.js';
import { WholeHouse } from '../journeys/whole-house.js';

const lines: string[] = [];
let whole: WholeHouse, user: string, access: string, cookie: string;
beforeAll(async () => {
  whole = await WholeHouse.open({ log: createLog('debug', { write: (line) => { lines.push(line); } }) });
  user = await account(whole, 'user');
  ({ access, cookie } = await signIn(whole, user));
}, 30_000);
afterAll(() => whole.close());

const refused = async (opening: Parameters<typeof refusedHandshake>[1]): Promise<string> => { const { status, body } = await refusedHandshake(whole, opening); return `${status} ${String(body['code'])}`; };
const opened = async (opening: Parameters<typeof refusedHandshake>[1]): Promise<string> => {
  const client = await SocketClient.open(whole, opening);
  const { type } = await client.asks({ type: 'ping' });
  client.close();
  return type;
};

describe('T34 the handshake', () => {
  it('T34 lets in a token in the query or in the header, an API key in its header, and a client certificate', async () => {
    const key = await apiKey(whole, user, ['live:read']);
    expect(await opened({ query: `?token=${access}` })).toBe('pong');
    expect(await opened({ headers: { authorization: `Bearer ${access}` } })).toBe('pong');
    expect(await opened({ query: `?token=${await whole.token(user)}` })).toBe('pong');
    expect(await opened({ headers: { 'x-api-key': key.text } })).toBe('pong');
    expect(await opened({ pair: await whole.certificate(user) })).toBe('pong');
  });
  it('T34 refuses what is no token of ours, two of them, and a cookie', async () => {
    const { keyring } = whole.house.kernel;
    expect(keyring).toBeDefined();
    const { refresh } = await whole.house.people.tokens.issue({ user, session: 'ses_x', n: 1, expiresAt: new Date(Date.now() + 60_000).toISOString() });
    const key = await apiKey(whole, user);
    expect(await refused({})).toBe('401 unauthenticated');
    expect(await refused({ query: '?token=' })).toBe('401 invalid_token');
    expect(await refused({ query: `?token=${refresh}` })).toBe('401 invalid_token');
    expect(await refused({ query: `?token=${key.text}` })).toBe('401 invalid_token');
    expect(await refused({ query: `?token=${access}&token=${access}` })).toBe('401 invalid_token');
    expect(await refused({ query: `?token=${access}`, headers: { authorization: `Bearer ${access}` } })).toBe('400 two_credentials');
    expect(await refused({ query: `?token=${access}`, headers: { 'x-api-key': key.text } })).toBe('400 two_credentials');
    expect(await refused({ query: `?token=${access}`, pair: await whole.certificate(user) })).toBe('400 two_credentials');
    expect(await refused({ headers: { cookie: `${COOKIE_NAME}=${cookie}` } })).toBe('401 unauthenticated');
  });
});

/** The WebSocket door against whoever writes bytes by hand: handshakes in odd places. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exchange, request } from '#libs/platform/http/testing/raw-http';
import { account } from '../journeys/principals.js';
import { WholeHouse } from '../journeys/whole-house.js';

let whole: WholeHouse, authorization: string, port: number;
beforeAll(async () => {
  whole = await WholeHouse.open();
  authorization = `Authorization: Bearer ${await whole.token(await account(whole, 'user'))}`;
  port = whole.house.listening.ports[0]!.port;
}, 30_000);
afterAll(() => whole.close());

const shake = (more: readonly string[] = [], line = 'GET /ws HTTP/1.1'): string =>
  [line, 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Version: 13', ...more, '', ''].join('\r\n');
const list = (): string => ['GET /api/v1/messages HTTP/1.1', 'Host: localhost', authorization, '', ''].join('\r\n');

describe('T23 a handshake', () => {
  it.each(['', 'good'])('T23 behind a request that is still being answered ends nothing and opens nothing (credential "%s")', async (credential) => {
    const { statuses } = await exchange(port, list() + shake(credential ? [authorization] : []) + list());
    // the handshake is a request like any other there, and the last: Node threw away what came behind it
    expect(statuses).toEqual([200, credential ? 426 : 401]);
    expect(whole.house.api.sockets!.size).toBe(0);
  });
  it('T23 that is refused is the last request on its connection, whatever comes behind it', async () => {
    expect((await exchange(port, shake() + list() + list())).statuses).toEqual([401]);
    expect((await exchange(port, [shake(['Origin: https://evil.example.com', authorization]), list()])).statuses).toEqual([403]);
  });
  it.each([
    ['GET /ws HTTP/1.0', [], [426]], ['GET /ws HTTP/1.1', ['Content-Length: 0'], [426]], ['GET /ws HTTP/1.1', ['Content-Length: 4'], [400]], ['GET /ws HTTP/1.1', ['Transfer-Encoding: chunked'], [400]],
    ['GET /ws HTTP/1.1', ['Upgrade: websocket'], [426]], ['GET /ws HTTP/1.1', ['Upgrade: h2c', 'Connection: close'], [426]], ['GET /ws HTTP/1.1', ['Host: evil.example.com'], [400]], ['GET /ws HTTP/1.1', ['Sec-WebSocket-Version: 13'], [400]],
    ['CONNECT /ws HTTP/1.1', [], []], ['CONNECT localhost:80 HTTP/1.1', [], []], ['HEAD /ws HTTP/1.1', [], [426]], ['GET http://evil.example.com/ws HTTP/1.1', [], [426]],
  ])('T23 %s with %j on top: %j', async (line, more, statuses) => {
    const answered = await exchange(port, shake([...more, authorization], line));
    expect(answered.statuses).toEqual(statuses);
  });
  it('T23 that is none does not make the rest of a request the beginning of another', async () => {
    // the first half comes with it and is thrown away: the second must not be read as a request
    const hidden = `POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nX-Half: `;
    expect((await exchange(port, [shake(['Content-Length: 0', authorization]) + hidden, list()])).statuses).toEqual([426]);
  });
  it('T23 afterwards the process answers as before', async () => {
    expect((await exchange(port, request('GET /api/v1/messages', [authorization]))).status).toBe(200);
  });
});

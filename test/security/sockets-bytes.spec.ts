/** What is no frame, no whole frame, or never one: bytes by hand on an open WebSocket. */
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { account } from '../journeys/principals.js';
import { WholeHouse } from '../journeys/whole-house.js';

let whole: WholeHouse, token: string;
beforeAll(async () => {
  whole = await WholeHouse.open();
  token = await whole.token(await account(whole, 'user'));
}, 30_000);
afterAll(() => whole.close());

const TEXT = 0x1, BINARY = 0x2, MORE = 0x0, CLOSE = 0x8, PING = 0x9, PONG = 0xa, LAST = 0x80, MASKED = 0x80;
/** One frame as a client sends it, masked with zeroes. `first`: FIN, reserved bits and opcode. */
function frame(first: number, payload: string | Buffer = '', masked = MASKED): Buffer {
  const data = Buffer.from(payload), { length } = data;
  const head = length < 126 ? [first, masked | length] : length < 65_536 ? [first, masked | 126, length >> 8, length & 255] : [first, masked | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0), data]);
}

/** A peer that speaks bytes: what it was answered, and whether the line is gone. */
interface Peer { line: Socket; heard: () => string; code: () => number | null; gone: () => boolean }
const peers: Peer[] = [];
async function peer(early = Buffer.alloc(0)): Promise<Peer> {
  const line = connect({ host: '127.0.0.1', port: whole.house.listening.ports[0]!.port });
  let heard = Buffer.alloc(0), gone = false;
  line.on('data', (bytes: Buffer) => { heard = Buffer.concat([heard, bytes]); }).on('error', () => undefined).on('close', () => { gone = true; });
  line.write(Buffer.concat([Buffer.from(['GET /ws HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Version: 13', `Authorization: Bearer ${token}`, '', ''].join('\r\n')), early]));
  const made: Peer = {
    line, heard: () => heard.toString('latin1'), gone: () => gone,
    code: () => {
      const body = heard.subarray(heard.indexOf('\r\n\r\n') + 4);
      // frames of a server are not masked, and none of ours is long here
      for (let at = 0; at + 1 < body.length;) {
        const length = body[at + 1]!, long = length === 126;
        if ((body[at]! & 0xf) === CLOSE) return length < 2 ? 1005 : body.readUInt16BE(at + 2);
        at += 2 + (long ? 2 + body.readUInt16BE(at + 2) : length);
      }
      return null;
    },
  };
  peers.push(made);
  await until('it is open', () => made.heard().includes(' 101 '));
  return made;
}
afterEach(async () => {
  for (const { line } of peers.splice(0)) line.destroy();
  await until('all are gone', () => whole.house.api.sockets!.size === 0);
});
const closes = async (): Promise<number> => {
  const { values } = await whole.house.metrics.registry.getSingleMetric('heliograph_websocket_closes_total')!.get();
  return values.reduce((sum, { value }) => sum + value, 0);
};

describe('T22 bytes that are no frame', () => {
  it('frames that come with the handshake are taken, in order', async () => {
    const one = await peer(Buffer.concat([frame(LAST | TEXT, '{"type":"ping"}'), frame(LAST | TEXT, '{"type":"subscribe","events":["message.*"]}')]));
    await until('both are answered', () => one.heard().includes('{"type":"subscribed"'));
    expect(one.heard()).toContain('{"type":"pong"}');
  });
  it.each([
    ['an unmasked frame', frame(LAST | TEXT, '{"type":"ping"}', 0), 1002], ['a reserved bit', frame(LAST | 0x40 | TEXT, '{}'), 1002], ['another', frame(LAST | 0x10 | TEXT, '{}'), 1002],
    ['an opcode that there is not', frame(LAST | 0x3), 1002], ['a fragment of nothing', frame(LAST | MORE, 'x'), 1002], ['a frame inside another', Buffer.concat([frame(TEXT, '{'), frame(LAST | TEXT, '}')]), 1002],
    ['a control frame of 126 bytes', frame(LAST | PING, 'x'.repeat(126)), 1002], ['a control frame in fragments', frame(PING, 'x'), 1002],
    ['a close with one byte', frame(LAST | CLOSE, 'x'), 1002], ['a close with the code 1005', frame(LAST | CLOSE, Buffer.from([0x03, 0xed])), 1002], ['a close with the code 65535', frame(LAST | CLOSE, Buffer.from([0xff, 0xff])), 1002],
    ['a close whose reason is not UTF-8', frame(LAST | CLOSE, Buffer.from([0x03, 0xe8, 0xff])), 1007], ['half a letter', Buffer.concat([frame(TEXT, Buffer.from([0xc3])), frame(LAST | MORE, Buffer.from([0x28]))]), 1007],
    ['a length of 2^63', Buffer.from([LAST | TEXT, MASKED | 127, 0x80, 0, 0, 0, 0, 0, 0, 0]), 1009], ['a length of 64 kB and one', frame(LAST | TEXT, 'x'.repeat(65_537)).subarray(0, 14), 1009],
    ['fragments that are 64 kB and one together', Buffer.concat([frame(TEXT, 'x'.repeat(40_000)), frame(MORE, 'x'.repeat(25_537))]), 1009], ['a binary fragment', Buffer.concat([frame(BINARY, 'x'), frame(LAST | MORE, 'x')]), 1003],
    ['257 fragments', Buffer.concat([frame(TEXT, '{'), ...Array.from({ length: 256 }, () => frame(MORE, ' '))]), 1008], ['10⁵ empty fragments', Buffer.concat([frame(TEXT, '{'), ...Array.from({ length: 100_000 }, () => frame(MORE))]), 1008],
    ['1,000 pongs that nobody asked for', Buffer.concat(Array.from({ length: 1_000 }, () => frame(LAST | PONG))), 1008],
  ])('T22 %s closes that socket, with its code, and nobody else\'s', async (_, bytes, code) => {
    const [bad, good, before] = [await peer(), await peer(), await closes()];
    bad.line.write(bytes);
    await until('it is told', () => bad.code() !== null);
    expect(bad.code()).toBe(code);
    bad.line.end();
    await until('it is gone and counted', async () => bad.gone() && await closes() === before + 1);
    good.line.write(frame(LAST | TEXT, '{"type":"ping"}'));
    await until('the other is answered', () => good.heard().includes('{"type":"pong"}'));
  });
  it('T38 a line that breaks in the middle of a frame, of a handshake, or by a reset ends that socket alone', async () => {
    const [half, reset, good] = [await peer(), await peer(), await peer()];
    half.line.end(frame(LAST | TEXT, '{"type":"ping"}').subarray(0, 9));
    reset.line.write(frame(LAST | TEXT, '{"type":"ping"}'));
    reset.line.resetAndDestroy();
    for (let i = 0; i < 20; i++) {
      const line = connect({ host: '127.0.0.1', port: whole.house.listening.ports[0]!.port });
      line.on('error', () => undefined);
      line.once('connect', () => { line.write(`GET /ws?token=${token} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n`, () => { line.resetAndDestroy(); }); });
    }
    await until('only one is left', () => half.gone() && reset.gone() && whole.house.api.sockets!.size === 1);
    good.line.write(frame(LAST | TEXT, '{"type":"ping"}'));
    await until('it is answered', () => good.heard().includes('{"type":"pong"}'));
  });
});

describe('T37 a flood', () => {
  it('T37 of bytes ends: 1008, and no more than its share is read', async () => {
    const one = await peer();
    const bytes = Buffer.concat(Array.from({ length: 10 }, () => frame(LAST | TEXT, ' '.repeat(65_000))));
    let sent = 0;
    const pour = (): void => { while (!one.gone() && sent < 200 && one.line.write(bytes)) sent++; };
    one.line.on('drain', pour);
    pour();
    await until('it is told and cut', () => one.gone(), 15_000);
    expect([one.code(), sent < 40]).toEqual([1008, true]);
  });
});

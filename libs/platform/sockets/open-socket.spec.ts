import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { WebSocket } from 'ws';
import { Refusal, Unavailable } from '#libs/event-sourcing/errors';
import { settle, TestClock } from '#libs/event-sourcing/testing/test-clock';
import { GOODBYE_MS, MOST_UNREAD, OpenSocket, PING_EVERY_MS, SILENT_MS, type SocketRules } from './open-socket.js';

/** The far end, as far as a socket sees it: it reads, or it does not. */
class Line extends EventEmitter {
  sent: string[] = [];
  pings = 0;
  closed: [number, string] | null = null;
  terminated = false;
  bufferedAmount = 0;
  isPaused = false;
  reads = true;
  send(text: string, taken?: () => void): void {
    this.sent.push(text);
    if (!this.reads) this.bufferedAmount += text.length;
    else if (taken) setImmediate(taken);
  }
  close(code: number, reason: string): void { this.closed = [code, reason]; }
  terminate(): void { this.terminated = true; this.emit('close', 1006); }
  ping(): void { this.pings++; }
  pause(): void { this.isPaused = true; }
  resume(): void { this.isPaused = false; }
  corked = 0;
  cork(): void { this.corked++; }
  uncork(): void { this.corked--; }
  says(frame: object | string): void { this.emit('message', Buffer.from(typeof frame === 'string' ? frame : JSON.stringify(frame)), false); }
  get codes(): unknown[] { return this.sent.map((text) => (JSON.parse(text) as { code?: string; type: string }).code ?? (JSON.parse(text) as { type: string }).type); }
}

const opened = (more: Partial<SocketRules<string>> = {}): { line: Line; socket: OpenSocket<string>; clock: TestClock; logged: unknown[]; framed: string[] } => {
  const clock = new TestClock(), line = new Line(), logged: unknown[] = [], framed: string[] = [];
  const socket = new OpenSocket<string>('somebody', line as unknown as WebSocket, line, {
    now: () => clock.monotonic(), count: () => Promise.resolve(0), cheap: new Set(['ping']), framed: (type) => framed.push(type), log: { error: ({ err }) => logged.push(err) }, ...more,
  });
  socket.takes.set('ping', () => Promise.resolve({ type: 'pong' })).set('say', (frame) => Promise.resolve({ type: 'said', what: frame['what'] }));
  return { line, socket, clock, logged, framed };
};

describe('frames', () => {
  it('are taken one after another, in order, whatever each takes', async () => {
    const { line, socket } = opened();
    let go = (): void => undefined;
    socket.takes.set('slow', () => new Promise((resolve) => { go = () => resolve({ type: 'done' }); }));
    for (const frame of [{ type: 'slow' }, { type: 'say', what: 1 }, { type: 'say', what: 2 }, { type: 'ping' }]) line.says(frame);
    await settle();
    // what is cheap does not wait
    expect(line.sent).toEqual(['{"type":"pong"}']);
    go();
    await settle();
    expect(line.sent.slice(1)).toEqual(['{"type":"done"}', '{"type":"said","what":1}', '{"type":"said","what":2}']);
  });
  it('that fail are answered; a defect is logged and not told', async () => {
    const { line, socket, logged, framed } = opened();
    socket.takes.set('no', () => Promise.reject(new Refusal('not_found'))).set('broken', () => Promise.reject(new Error('secret of ours'))).set('later', () => Promise.reject(new Unavailable('the log')));
    for (const frame of ['{', { type: 'no' }, { type: 'broken' }, { type: 'later' }, { type: 'what' }]) line.says(frame);
    await settle();
    expect(line.codes).toEqual(['malformed_json', 'not_found', 'internal', 'unavailable', 'invalid_request']);
    expect([line.sent.join('').includes('secret of ours'), logged]).toEqual([false, [new Error('secret of ours')]]);
    expect(framed).toEqual(['other', 'no', 'broken', 'later', 'other']);
  });
  it('that come faster than they are taken wait on the line: no more than 64 are held', async () => {
    const { line, socket } = opened();
    const done: (() => void)[] = [];
    socket.takes.set('slow', () => new Promise((resolve) => { done.push(() => resolve(undefined)); }));
    for (let i = 0; i < 64; i++) line.says({ type: 'slow' });
    expect(line.isPaused).toBe(false);
    line.says({ type: 'slow' });
    expect(line.isPaused).toBe(true);
    for (let i = 0; i < 57; i++) { await settle(); done.shift()!(); }
    await settle();
    expect(line.isPaused).toBe(false);
  });
});

describe('what is sent', () => {
  it('in one go leaves in one write, and what comes later in another', async () => {
    const { line, socket } = opened();
    for (let i = 0; i < 3; i++) socket.send(`{"n":${i}}`);
    expect([line.corked, line.sent.length]).toEqual([1, 3]);
    await settle();
    expect(line.corked).toBe(0);
    socket.send('{}');
    expect(line.corked).toBe(1);
    await settle();
    expect(line.corked).toBe(0);
  });
});

describe('T37 who sends too much', () => {
  it('is told to wait, is not asked about again until then, and is closed when he goes on for 5 s', async () => {
    let asked = 0;
    const { line, clock } = opened({ count: () => { asked++; return Promise.resolve(60_000); } });
    for (let s = 0; s < 5; s++) { line.says({ type: 'say' }); await clock.advance(1_000); }
    expect([line.codes, asked, line.closed]).toEqual([Array.from({ length: 5 }, () => 'rate_limited'), 1, null]);
    expect(JSON.parse(line.sent[0]!)).toMatchObject({ retry_after: 60, in_reply_to: 'say' });
    line.says({ type: 'say' });
    await settle();
    expect(line.closed).toEqual([1008, 'Too many frames. Wait, then connect again.']);
  });
  it('and pauses is not', async () => {
    const { line, clock } = opened({ count: () => Promise.resolve(60_000) });
    for (let s = 0; s < 5; s++) { line.says({ type: 'say' }); await clock.advance(6_000); }
    expect([line.codes.length, line.closed]).toEqual([5, null]);
  });
  it('pings more than 40 at once, or 20 in a second, is closed', async () => {
    const { line, clock, socket } = opened();
    for (let i = 0; i < 40; i++) line.says({ type: 'ping' });
    await clock.advance(1_000);
    for (let i = 0; i < 20; i++) line.emit('ping');
    expect(line.closed).toBeNull();
    line.says({ type: 'ping' });
    expect(line.closed?.[0]).toBe(1008);
    await settle();
    expect(line.sent).toHaveLength(40);
    // who goes on is cut soon
    await clock.advance(1_000);
    socket.tick();
    expect(line.terminated).toBe(true);
  });
});

describe('T37 who floods', () => {
  it('with frames over the limit is answered 200 times a second, and closed after 5 s', async () => {
    const { line, clock, socket } = opened({ count: () => Promise.resolve(60_000) });
    for (let i = 0; i < 10_000; i++) line.says({ type: 'say' });
    await settle();
    expect([line.sent.length, line.isPaused]).toEqual([201, true]);
    for (let s = 1; s <= 4; s++) {
      await clock.advance(1_000);
      socket.tick();
      await settle();
    }
    expect([line.sent.length, line.closed]).toEqual([5 * 201, null]);
    await clock.advance(1_000);
    socket.tick();
    await settle();
    expect(line.closed?.[0]).toBe(1008);
  });
  it('with bytes, or with pongs that nobody asked for, is closed and not read any more', async () => {
    const { line, clock } = opened();
    const chunk = Buffer.alloc(64 * 1024);
    for (let i = 0; i < 32; i++) line.emit('data', chunk);
    for (let s = 0; s < 10; s++) {
      await clock.advance(1_000);
      for (let i = 0; i < 4; i++) line.emit('data', chunk);
    }
    expect(line.closed).toBeNull();
    line.emit('data', chunk);
    expect([line.closed?.[0], line.isPaused]).toEqual([1008, true]);
    const other = opened();
    for (let i = 0; i < 40; i++) other.line.emit('pong');
    expect(other.line.closed).toBeNull();
    other.line.emit('pong');
    expect([other.line.closed?.[0], other.line.isPaused]).toEqual([1008, true]);
  });
});

describe('T38 a peer', () => {
  /** Looks once a second, as the door does. */
  const seconds = async (n: number, clock: TestClock, socket: OpenSocket<string>): Promise<void> => { for (let s = 0; s < n; s++) { await clock.advance(1_000); socket.tick(); } };
  it('is pinged every 25 s, and cut when it says nothing for 60 s', async () => {
    const { line, clock, socket } = opened();
    await seconds(PING_EVERY_MS / 1_000, clock, socket);
    expect(line.pings).toBe(1);
    line.emit('pong');
    await seconds(SILENT_MS / 1_000 - 1, clock, socket);
    expect([line.pings, line.terminated]).toEqual([3, false]);
    let closed = 0;
    socket.onClose(() => { closed++; });
    await seconds(1, clock, socket);
    expect([line.terminated, socket.closedWith, closed]).toEqual([true, 1006, 1]);
  });
  it('that does not read is told 1013 at a mebibyte, and cut after its time', async () => {
    const { line, clock, socket } = opened();
    line.reads = false;
    for (let i = 0; i < MOST_UNREAD / 1024; i++) socket.send('x'.repeat(1024));
    expect(line.closed).toBeNull();
    socket.send('x');
    expect(line.closed?.[0]).toBe(1013);
    socket.send('never sent');
    expect(line.sent.at(-1)).toBe('x');
    await seconds(GOODBYE_MS / 1_000 - 1, clock, socket);
    expect(line.terminated).toBe(false);
    await seconds(1, clock, socket);
    expect(line.terminated).toBe(true);
  });
  it('that takes nothing of a long list for 10 s is slow too', async () => {
    const { line, clock, socket } = opened();
    line.reads = false;
    void socket.sent('one of many');
    await seconds(10, clock, socket);
    expect(line.closed?.[0]).toBe(1013);
  });
  it('that answers the goodbye is not cut', async () => {
    const { line, clock, socket } = opened();
    socket.end('going');
    expect(line.closed).toEqual([1001, 'The server is going down. Connect again in a moment.']);
    line.emit('close', 1001);
    await seconds(20, clock, socket);
    expect([line.terminated, socket.closedWith]).toEqual([false, 1001]);
  });
});

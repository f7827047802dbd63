import { beforeEach, describe, expect, it } from '@jest/globals';
import { Unavailable } from '#libs/event-sourcing/errors';
import type { Shared } from '#libs/event-sourcing/ports/shared';
import { settle, TestClock } from '#libs/event-sourcing/testing/test-clock';
import { MemoryShared } from '#libs/engines/embedded/shared';
import { Attempts, WRONG_MOST } from './attempts.js';
import { RefusedSignins } from './refused-signins.js';
import { SignIn, type KnownAccount, type SignInPorts } from './sign-in.js';
import { MOST_ENTRIES, type RecordRefusedSignins } from './signin.decider.js';

const MINUTE = 60_000;
let clock: TestClock, attempts: Attempts;
beforeEach(() => { clock = new TestClock(); attempts = new Attempts(new MemoryShared(clock)); });
/** A try that turned out wrong. */
const wrong = async (account: string, address: string): Promise<void> => (await attempts.take(account, address)).end(true);
const code = (work: Promise<unknown>): Promise<string> => work.then(() => 'taken', (error: { code?: string; name: string }) => error.code ?? error.name);

describe('T06 tries', () => {
  it('the 11th wrong one within 5 minutes is refused, and says when to come back; the hour then allows fewer, the day fewer still', async () => {
    let taken = 0;
    const waits: number[] = [];
    for (let minute = 0; minute < 24 * 60; minute++) {
      for (let i = 0; i < 20; i++) {
        try { await wrong('usr_1', '192.0.2.1'); taken++; } catch (error) { waits.push((error as { extra: { retryAfter: number } }).extra.retryAfter); break; }
      }
      if (minute === 0) expect([taken, waits[0]]).toEqual([10, 300]);
      if (minute === 59) expect(taken).toBe(30);
      await clock.advance(MINUTE);
    }
    expect(taken).toBe(100);
    expect(Math.max(...waits)).toBeGreaterThan(3_600 * 10);
  });
  it('is no weapon: from another address the account can be tried', async () => {
    for (let i = 0; i < 10; i++) await wrong('usr_1', '192.0.2.1');
    expect(await code(wrong('usr_1', '192.0.2.1'))).toBe('rate_limited');
    expect(await code(wrong('usr_1', '192.0.2.2'))).toBe('taken');
    expect(await code(wrong('usr_2', '192.0.2.1'))).toBe('taken');
  });
  it('one address over many accounts is refused too; an IPv6 network is one address', async () => {
    for (let i = 0; i < WRONG_MOST.address[0].most; i++) await wrong(`usr_${i}`, `2001:db8::${i.toString(16)}`);
    expect(await code(wrong('usr_x', '2001:db8::ffff'))).toBe('rate_limited');
    expect(await code(wrong('usr_x', '2001:db8:0:1::1'))).toBe('taken');
  });
  it('what is given back, or was refused, counts for nothing', async () => {
    for (let i = 0; i < 50; i++) await (await attempts.take('usr_1', '192.0.2.1')).end(false);
    for (let i = 0; i < 10; i++) await wrong('usr_1', '192.0.2.1');
    for (let i = 0; i < 500; i++) expect(await code(wrong('usr_1', '192.0.2.1'))).toBe('rate_limited');
    await clock.advance(5 * MINUTE);
    expect(await code(wrong('usr_1', '192.0.2.1'))).toBe('taken');
  });
  it('many at once with the right password all come in; many wrong ones cannot pass the count', async () => {
    const all = (counts: boolean): Promise<string[]> => Promise.all(Array.from({ length: 64 }, () => code(attempts.take('usr_1', '192.0.2.1').then(async (taken) => { await settle(); await taken.end(counts); }))));
    expect(new Set(await all(false))).toEqual(new Set(['taken']));
    expect((await all(true)).filter((c) => c === 'taken')).toHaveLength(10);
  });
  it('with the counters down nobody signs in', async () => {
    const down: Pick<Shared, 'add'> = { add: () => Promise.reject(new Error('no line')) };
    expect(await code(new Attempts(down).take('usr_1', '192.0.2.1'))).toBe('Unavailable');
  });
});

describe('signing in', () => {
  const account: KnownAccount = { status: 'active', role: 'user', sessionEpoch: 2, tokenEpoch: 1, mustChange: false };
  const from = { address: '192.0.2.1', userAgent: 'spec' };
  const context = { correlationId: 'c', causationId: 'c' };
  const waited: number[] = [];
  let asked: [string | null, string][], refused: object[], ended: string[], accounts: Map<string, KnownAccount>, started: object[], full: boolean;
  const ports = (): SignInPorts<KnownAccount> => ({
    accounts: {
      find: (name) => Promise.resolve(name.startsWith('usr_') ? null : accounts.has(`usr_${name}`) ? `usr_${name}` : null),
      state: (id) => Promise.resolve(accounts.get(id) ?? null),
      checkPassword: (id, password) => { if (full) return Promise.reject(new Unavailable('checking passwords')); asked.push([id, password]); return Promise.resolve(id !== null && password === 'right'); },
    },
    sessions: { start: (what) => { started.push(what); return Promise.resolve({ id: 'ses_1', state: { owner: what.user } as never, position: '1' }); } },
    attempts, clock: { after: (ms, call) => { waited.push(ms); queueMicrotask(call); return () => {}; } }, refused: { add: (entry) => { refused.push(entry); } }, nobody: (name) => `nobody ${name.length}`, ended: (outcome) => { ended.push(outcome); },
  });
  beforeEach(() => { asked = []; refused = []; ended = []; started = []; full = false; accounts = new Map([['usr_alice', account], ['usr_gone', { ...account, status: 'disabled' }]]); });
  it('says no after a quarter of a second, whoever was asked for', async () => {
    for (const name of ['alice', 'nobody']) {
      waited.length = 0;
      await expect(signIn(name, 'wrong')).rejects.toMatchObject({ code: 'invalid_credentials' });
      expect(waited).toEqual([250]);
    }
  });
  const signIn = (name: string, password: string): Promise<unknown> => new SignIn(ports()).withPassword({ name, password, from, tokens: true }, context);

  it('starts a session of the count that the account stands at', async () => {
    expect(await signIn('alice', 'right')).toMatchObject({ id: 'ses_1', user: 'usr_alice', account });
    expect(started).toEqual([{ user: 'usr_alice', epoch: 2, how: 'password', from, tokens: true }]);
    expect([refused, ended]).toEqual([[], ['granted']]);
  });
  it.each([['nobody', 'right', null, 'unknown'], ['alice', 'wrong', 'usr_alice', 'password'], ['gone', 'right', 'usr_gone', 'disabled'], ['gone', 'wrong', 'usr_gone', 'password']])('T05 %s with the %s password is refused as all are, and the log knows why', async (name, password, user, reason) => {
    expect(await code(signIn(name, password))).toBe('invalid_credentials');
    expect(asked).toEqual([[user, password]]);
    expect([refused, ended, started]).toEqual([[{ user, reason, ...from }], [reason], []]);
  });
  it('T06 once there were too many, nobody looks at the password', async () => {
    for (let i = 0; i < 10; i++) await code(signIn('alice', 'wrong'));
    asked = [];
    expect(await code(signIn('alice', 'right'))).toBe('rate_limited');
    expect([asked, refused.at(-1)]).toEqual([[], { user: 'usr_alice', reason: 'delayed', ...from }]);
  });
  it('a try that nobody could look at counts for nothing', async () => {
    full = true;
    for (let i = 0; i < 30; i++) expect(await code(signIn('alice', 'right'))).toBe('Unavailable');
    full = false;
    expect(await code(signIn('alice', 'right'))).toBe('taken');
  });
});

describe('refused sign-ins of a process', () => {
  let written: RecordRefusedSignins[], lost: number, down: boolean;
  const make = (): RefusedSignins => new RefusedSignins({
    clock, lost: (count) => { lost += count; },
    commands: { execute: (_d, command) => { if (down) return Promise.reject(new Unavailable('the log')); written.push(command as RecordRefusedSignins); return Promise.resolve({ position: '1', revision: 0, state: null as never, events: [] }); } },
  });
  const entry = { user: null, reason: 'unknown', address: '192.0.2.1', userAgent: null } as const;
  beforeEach(() => { written = []; lost = 0; down = false; });

  it('are written once a second, together', async () => {
    const refused = make();
    for (let i = 0; i < 3; i++) refused.add(entry);
    expect(written).toEqual([]);
    await clock.advance(1_000);
    refused.add(entry);
    await clock.advance(1_000);
    expect(written.map((c) => c.data.entries.length)).toEqual([3, 1]);
    expect(new Set(written.map((c) => c.id)).size).toBe(2);
  });
  it('a flood is several events of a bounded size; what cannot be kept is counted', async () => {
    const refused = make();
    for (let i = 0; i < 12_000; i++) refused.add(entry);
    await refused.close();
    expect(written.map((c) => c.data.entries.length)).toEqual(Array(20).fill(MOST_ENTRIES));
    expect(lost).toBe(2_000);
    down = true;
    refused.add(entry);
    await refused.close();
    expect(lost).toBe(2_001);
  });
});

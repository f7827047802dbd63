import { describe, expect, it } from '@jest/globals';
import { UnknownError } from '@eventstore/db-client';
import { TimedOut, leavesConnection, reactionTo, sentenceOf } from './failures.js';

const bare = (code: number): Error => Object.assign(new Error('down'), { code });
const typed = (type: string, code?: number): Error => Object.assign(new Error('no'), { type, code });

describe('what an error of the client asks for', () => {
  it.each([
    ['an own deadline', new TimedOut(5), 'repeat'], ['a wrong revision', typed('wrong-expected-version'), 'conflict'],
    ['a cancelled call', typed('cancelled', 1), 'repeat'], ['a client that was ended', typed('unknown', 1), 'repeat'],
    ['another leader', typed('not-leader'), 'once'], ['a server that is down (4)', bare(14), 'once'],
    ['a server that is busy (4)', typed('unknown'), 'busy'], ['a client that remembers a failure (5)', bare(13), 'renew'],
    ['a wrong password', typed('access-denied'), 'denied'], ['a wrong password, bare', bare(16), 'denied'],
    ['no cluster to be found', new Error('Failed to discover after 10 attempts.'), 'busy'],
  ] as const)('%s', (_, error, reaction) => {
    expect(reactionTo(error)).toBe(reaction);
  });

  it('knows after which the client goes on over another connection', () => {
    for (const error of [bare(14), typed('unavailable', 14), typed('not-leader'), typed('cancelled', 1)]) expect(leavesConnection(error)).toBe(true);
    for (const error of [bare(13), typed('unknown', 1), typed('unknown'), typed('wrong-expected-version'), new TimedOut(5)]) expect(leavesConnection(error)).toBe(false);
  });

  it('is told in a sentence, also where the error has none', () => {
    expect(sentenceOf(bare(14))).toBe('down');
    expect(sentenceOf(new UnknownError())).toBe('EventStoreDB answered with an error of type unknown');
  });
});

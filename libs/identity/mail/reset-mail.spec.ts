import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { given } from '#libs/event-sourcing/testing/given';
import { user } from '../user/user.decider.js';
import { readResetToken, resetToken } from './reset-link.js';
import { resetMail } from './reset-mail.process.js';

const at = (s: number): string => new Date(Date.parse('2030-01-01T00:00:00.000Z') + s * 1_000).toISOString();
const ID = `usr_${'0'.repeat(31)}1`, RESET = 'a'.repeat(32), NEWER = 'b'.repeat(32);
const registered = { type: 'UserRegistered' as const, data: { username: 'alice', email: 'alice@example.com', fullName: null, role: 'user' as const, password: '$argon2id$x', mustChange: false, origin: 'sign-up' as const, registeredAt: at(0) } };
const requested = (reset: string, s: number) => ({ type: 'PasswordResetRequested' as const, data: { reset, at: at(s), expiresAt: at(s + 1_800) } });
const started = (reset: string, s: number) => ({ type: 'PasswordResetMailStarted' as const, data: { reset, at: at(s) } });
const ended = (reset: string) => ({ type: 'PasswordResetMailEnded' as const, data: { reset, outcome: 'sent' as const, problem: null, at: at(9) } });
const mail = (reset: string, s: number) => ({ topic: 'reset-mails', lane: '', id: `${ID}/${reset}`, dueAt: at(s) });

describe('the mail with a link', () => {
  it('is due when it was asked for, and only the newest', () => {
    given(user, registered).next(resetMail, ID).is(null);
    given(user, registered, requested(RESET, 1)).next(resetMail, ID).is(mail(RESET, 1));
    given(user, registered, requested(RESET, 1), requested(NEWER, 2)).next(resetMail, ID).is(mail(NEWER, 2));
  });
  it('is settled when nothing was heard of it, and never sent a second time', () => {
    given(user, registered, requested(RESET, 1), started(RESET, 2)).next(resetMail, ID).is({ topic: 'reset-mail-settlings', lane: '', id: `${ID}/${RESET}/settle`, dueAt: at(72) });
    given(user, registered, requested(RESET, 1), started(RESET, 2), ended(RESET)).next(resetMail, ID).is(null);
  });
  it('is not sent to whom it no longer helps', () => {
    given(user, registered, requested(RESET, 1), { type: 'PasswordChanged', data: { password: '$argon2id$y', by: 'self', mustChange: false, at: at(2) } }).next(resetMail, ID).is(null);
    given(user, registered, requested(RESET, 1), { type: 'UserDisabled', data: { reason: null, at: at(2) } }).next(resetMail, ID).is(null);
  });
});

describe('T08 the token of a link', () => {
  const mac = (purpose: string, text: string): Buffer => createHmac('sha256', 'spec').update(`${purpose}\0${text}`).digest();
  const token = resetToken(mac, ID, RESET);
  it('is 32 bytes under a secret, for one account and one request', () => {
    expect(Buffer.from(token.split('.')[2]!, 'base64url')).toHaveLength(32);
    expect(readResetToken(mac, token)).toEqual({ user: ID, reset: RESET });
  });
  it.each([
    ['another account', token.replace('1.', '2.')], ['another request', token.replace('.a', '.b')], ['another secret', resetToken((p, t) => createHmac('sha256', 'other').update(`${p}\0${t}`).digest(), ID, RESET)],
    ['its bytes cut off', token.slice(0, -1)], ['something behind', `${token}=`], ['capitals', token.toUpperCase()], ['nothing', ''],
  ])('with %s is none', (_, text) => expect(readResetToken(mac, text)).toBeNull());
});

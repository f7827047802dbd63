import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { emailProblem, foldedEmail, foldedName, fullNameProblem, usernameProblem } from './names.js';

describe('usernames', () => {
  it.each(['a', 'SMSadmin', 'bob.smith-2', 'Жанна', '田中', '田中さん', 'tanaka田中', '김철수', 'José', 'a'.repeat(64), 'user_1', 'Ελένη', 'محمد', 'नेहा', '7', 'ＡＤＭＩＮ'])('%j may be had', (text) => expect(usernameProblem(text)).toBeNull());
  it.each([
    ['mixed scripts', ['аdmin', 'pаypal', 'Αlpha', 'admіn', 'bobа']],
    ['characters that nobody sees, or that turn the text', ['ad\u200Bmin', 'admin\u202E', 'a\u200Db', 'a\u0000', 'a\u0007', '\u115F', '\u3164', 'a\uFE0F', '\u00ADa']],
    ['white space', ['admin ', ' admin', 'ad min', 'ad\u00A0min', '\t', 'a\nb']],
    ['words with a meaning', ['__proto__', 'constructor', 'Prototype', 'hasOwnProperty', 'ＮＵＬＬ', 'me', 'usr_1', 'USR_1', 'msg_x', 'system']],
    ['other characters', ['..', '.a', '-a', '_a', 'a..b', 'a@b', 'a/b', 'a\\b', '<b>', "o'neil", 'a:b', 'a%b', '😀', '\ud800', 'a\u0301\u0301\u0301\u0301']],
    ['a wrong length', ['', 'a'.repeat(65), '田'.repeat(65), 'ﷺ'.repeat(10), 'a'.repeat(100_000)]],
  ])('T10 %s are refused', (_what, texts) => { for (const text of texts) expect([text, usernameProblem(text)]).toEqual([text, expect.any(String)]); });
  it('T10 in other cases, widths and compositions are one', () => {
    for (const [a, b] of [['admin', 'ADMIN'], ['admin', 'ＡＤＭＩＮ'], ['José', 'JOSE\u0301'], ['straße', 'STRASSE'], ['ΟΔΟΣ', 'οδος'], ['ﬁne', 'FINE'], ['ı', 'I']] as const) expect([a, foldedName(a)]).toEqual([a, foldedName(b)]);
    expect(foldedName('admin')).not.toBe(foldedName('аdmin'));
  });
  it('are folded once and for all', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(foldedName(foldedName(text))).toBe(foldedName(text));
      expect(foldedName(text.normalize('NFD'))).toBe(foldedName(text.normalize('NFC')));
    }));
  });
});

describe('e-mail addresses', () => {
  it.each([['alice@example.com', 'alice@example.com'], ['Alice@EXAMPLE.com', 'alice@example.com'], ['a.b+c@sub.example.co.uk', 'a.b+c@sub.example.co.uk'], ['ünal@münchen.de', 'ünal@xn--mnchen-3ya.de'], ['a@xn--mnchen-3ya.de', 'a@xn--mnchen-3ya.de'], ["o'neil@example.com", "o'neil@example.com"]])('%s is %s', (text, folded) => expect(foldedEmail(text)).toBe(folded));
  it.each(['', 'a', '@', 'a@', '@example.com', 'a@b', 'a@localhost', 'a@1.2.3.4', 'a@0x7f.1', 'a b@example.com', 'a@exa mple.com', '.a@example.com', 'a.@example.com', 'a..b@example.com', 'a@example..com', 'a@-example.com', '"a"@example.com', 'a,b@example.com', 'a\r\nBcc: b@example.com', 'a@example.com\r\n', 'a@[127.0.0.1]', 'a\u202E@example.com', 'a\u200B@example.com', `${'a'.repeat(65)}@example.com`, `a@${'b'.repeat(64)}.com`, `a@${'b.'.repeat(130)}com`, 'a@example.com@', '\ud800@example.com'])('%j is none', (text) => expect(emailProblem(text)).not.toBeNull());
});

describe('full names', () => {
  it.each(['Ada Lovelace', '田中 太郎', 'a', 'x'.repeat(100), "Conan O'Brien"])('%j', (text) => expect(fullNameProblem(text)).toBeNull());
  it.each(['', ' ', ' a', 'a ', 'a\nb', 'a\u0000', 'a\u202Eb', 'x'.repeat(101), '\ud800'])('not %j', (text) => expect(fullNameProblem(text)).not.toBeNull());
});

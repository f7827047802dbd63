import { domainToASCII } from 'node:url';

/** What an account may be called, and when two ways to write it are one. */
export const USERNAME_MOST = 64;
export const EMAIL_MOST = 254;
export const FULL_NAME_MOST = 100;

/** Scripts that a name may be written in (those of UAX 31 that are in daily use), each by itself or in the company that its languages keep. */
const ALONE = ['Latin', 'Cyrillic', 'Greek', 'Arabic', 'Armenian', 'Bengali', 'Devanagari', 'Ethiopic', 'Georgian', 'Gujarati', 'Gurmukhi', 'Hebrew', 'Kannada', 'Khmer', 'Lao', 'Malayalam', 'Myanmar', 'Oriya', 'Sinhala', 'Tamil', 'Telugu', 'Thaana', 'Thai', 'Tibetan'];
const TOGETHER = [['Latin', 'Han', 'Hiragana', 'Katakana'], ['Latin', 'Han', 'Hangul'], ['Latin', 'Han', 'Bopomofo']];
/** UTS 39, "highly restrictive": letters of other scripts that look alike do not stand beside each other. */
const WRITTEN_IN = [...ALONE.map((script) => [script]), ...TOGETHER].map((scripts) => new RegExp(`^[${scripts.map((s) => `\\p{scx=${s}}`).join('')}\\p{scx=Common}\\p{scx=Inherited}]*$`, 'u'));

const CHARACTERS = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]*$/u;
/** Letters that nobody sees (Hangul fillers), joiners, variation selectors. */
const UNSEEN = /\p{Default_Ignorable_Code_Point}/u;
const PILED_MARKS = /\p{M}{4}/u;
/** Words that programs give a meaning to, and what our own ids begin with. Names of offices (admin, support) are an administrator's to give. */
const RESERVED = new Set(['constructor', 'prototype', 'hasownproperty', 'tostring', 'valueof', 'null', 'undefined', 'true', 'false', 'nan', 'me', 'self', 'system', 'local', 'anonymous', 'nobody', 'everyone', 'all']);
const LIKE_AN_ID = /^(usr|msg|bat|evt|req|sub|hgt|hgk)_/;

const codePoints = (text: string): number => [...text].length;

/** One form for every way to write a name: compatibility forms (full width) and cases are one. */
export function foldedName(text: string): string {
  const folded = text.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
  // a capital sigma becomes one or the other by where it stands
  return folded.replaceAll('ς', 'σ');
}

/** As it is kept: NFC, otherwise as given. */
export const asWritten = (text: string): string => text.normalize('NFC');

/** What is wrong with a username, as a sentence's end; null where it may be had. */
export function usernameProblem(text: string): string | null {
  const plain = text.normalize('NFKC');
  if (text.length > 4 * USERNAME_MOST || codePoints(plain) > USERNAME_MOST || plain.length === 0) return `must be 1 to ${USERNAME_MOST} characters`;
  if (!text.isWellFormed() || !CHARACTERS.test(plain) || UNSEEN.test(text) || PILED_MARKS.test(plain.normalize('NFD'))) return 'must begin with a letter or digit, and hold letters, digits, dot, underscore and hyphen alone';
  if (plain.includes('..')) return 'must not hold two dots in a row';
  if (!WRITTEN_IN.some((script) => script.test(plain))) return 'must not mix letters of scripts that look alike';
  const folded = foldedName(text);
  return RESERVED.has(folded) || LIKE_AN_ID.test(folded) ? 'is reserved; choose another' : null;
}

const LOCAL = /^[^\s@"(),:;<>[\]\\\p{C}]{1,64}$/u;

/** The address that a text names, for comparing: domain in ASCII, all of it case-folded; null where it is none. */
export function foldedEmail(text: string): string | null {
  // domainToASCII passes over tabs and line ends, which would stay in the text and break out of a header
  if (text.length > EMAIL_MOST || !text.isWellFormed() || /[\s\p{C}]/u.test(text)) return null;
  const at = text.lastIndexOf('@');
  const local = text.slice(0, at), domain = domainToASCII(text.slice(at + 1));
  if (at < 1 || !LOCAL.test(local) || UNSEEN.test(local) || local.startsWith('.') || local.endsWith('.') || local.includes('..')) return null;
  const labels = domain.split('.');
  // a last label of digits is an address of a machine, which domainToASCII would read as one
  if (labels.length < 2 || domain.length > 253 || labels.some((l) => !/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(l)) || /^\d+$/.test(labels.at(-1)!)) return null;
  return `${foldedName(local)}@${domain}`;
}

/** What is wrong with an e-mail address, as a sentence's end. */
export const emailProblem = (text: string): string | null => (foldedEmail(text) === null ? 'must be an e-mail address, such as alice@example.com' : null);

/** What is wrong with a person's name, as a sentence's end. */
export function fullNameProblem(text: string): string | null {
  const length = codePoints(text);
  return length < 1 || length > FULL_NAME_MOST || text.trim() !== text || !text.isWellFormed() || /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(text)
    ? `must be a line of 1 to ${FULL_NAME_MOST} characters, without white space at its ends` : null;
}

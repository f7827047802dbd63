/** Splits a text into SMS parts (3GPP TS 23.038 and 23.040): GSM-7 160/153 septets, UCS-2 70/67 code units. */

const GSM7 = new Set('@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà');
/** Behind an escape: two septets each, never cut apart. */
const GSM7_EXTENSION = new Set('\f^{}\\[~]|€');

export interface SmsText { encoding: 'GSM-7' | 'UCS-2'; parts: string[] }

/** The parts joined are the text; no escape pair and no surrogate pair is ever cut. */
export function smsText(text: string): SmsText {
  const characters = [...text];
  const gsm = characters.every((c) => GSM7.has(c) || GSM7_EXTENSION.has(c));
  const cost = gsm ? (c: string) => (GSM7_EXTENSION.has(c) ? 2 : 1) : (c: string) => c.length;
  const [single, each] = gsm ? [160, 153] : [70, 67];
  const total = characters.reduce((n, c) => n + cost(c), 0);
  const encoding = gsm ? 'GSM-7' : 'UCS-2';
  if (total <= single) return { encoding, parts: [text] };
  const parts: string[] = [];
  let part = '', used = 0;
  for (const c of characters) {
    if (used + cost(c) > each) { parts.push(part); part = ''; used = 0; }
    part += c;
    used += cost(c);
  }
  parts.push(part);
  return { encoding, parts };
}

const PLAIN = /^[\x20-\x5a\x61-\x7a\n]*$/;
/** How many parts a text takes. */
export const smsSegments = (text: string): number => (text.length <= 160 && PLAIN.test(text) ? 1 : smsText(text).parts.length);

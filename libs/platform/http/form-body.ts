import { Refusal } from '#libs/event-sourcing/errors';

const FIELDS_MOST = 200;

const refuse = (): Refusal => new Refusal('malformed_json', 'The form is not readable. Send application/x-www-form-urlencoded, UTF-8.');

const decoded = (text: string): string => {
  try { return decodeURIComponent(text.replaceAll('+', ' ')); } catch { throw refuse(); }
};

/**
 * A form as a browser sends it, `a=1&b=2`, as an object of texts; a field that comes several times is a list of texts.
 * @throws Refusal malformed_json
 */
export function parseForm(body: Buffer): Record<string, string | string[]> {
  const text = body.toString('latin1');
  // what is beyond ASCII comes encoded
  if (/[^\x20-\x7e]/.test(text)) throw refuse();
  const fields = new Map<string, string | string[]>();
  const pairs = text.split('&').filter((pair) => pair !== '');
  if (pairs.length > FIELDS_MOST) throw refuse();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    const name = decoded(at < 0 ? pair : pair.slice(0, at)), value = at < 0 ? '' : decoded(pair.slice(at + 1));
    if (name === '__proto__') throw refuse();
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(fields);
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every spelling in which a value could lie in a file or a text. */
export function spellings(value: string): [string, Buffer][] {
  const bytes = Buffer.from(value);
  const wide = Buffer.from(value, 'utf16le');
  // in base64 a value looks different at each of three offsets; what stands beside it shows in the first and last characters only
  const base64 = [0, 1, 2].map((before) => Buffer.concat([Buffer.alloc(before), bytes]).toString('base64').slice(before ? 4 : 0, -4));
  const texts: [string, string][] = [
    ['hex', bytes.toString('hex')], ['HEX', bytes.toString('hex').toUpperCase()], ['URL', encodeURIComponent(value)], ['form', encodeURIComponent(value).replaceAll('%20', '+')], ['JSON', JSON.stringify(value).slice(1, -1)],
    ...base64.map((b, i): [string, string] => [`base64 at ${i}`, b]), ...base64.map((b, i): [string, string] => [`base64url at ${i}`, b.replaceAll('+', '-').replaceAll('/', '_')]),
  ];
  return [['bytes', bytes], ['UTF-16 LE', wide], ['UTF-16 BE', Buffer.from(wide).swap16()], ...texts.map(([name, t]): [string, Buffer] => [name, Buffer.from(t)])];
}

/** Where any of these values lies in any of these places. */
export const foundIn = (values: Record<string, string>, places: Record<string, Buffer>): string[] =>
  Object.entries(values).flatMap(([what, value]) => spellings(value).flatMap(([how, bytes]) => Object.entries(places).filter(([, content]) => content.includes(bytes)).map(([place]) => `${what} as ${how} in ${place}`)));

/** Every file below a folder, sockets left out. */
export const filesBelow = (dir: string): Record<string, Buffer> => Object.fromEntries(
  readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name))]));

import { argon2, timingSafeEqual, type Argon2Parameters } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(argon2) as unknown as (algorithm: 'argon2id', parameters: Argon2Parameters) => Promise<Buffer>;

/** OWASP's least for argon2id: KiB, passes, lanes. */
export interface Cost { memory: number; passes: number; parallelism: number }
export const COST: Cost = { memory: 19_456, passes: 2, parallelism: 1 };
const SALT = 16, TAG = 32;

/** A hash as it is stored: `$argon2id$v=19$m=…,t=…,p=…$salt$tag`, base64 without padding (PHC string format). */
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,64})\$([A-Za-z0-9+/]{22,128})$/;

interface Stored { cost: Cost; salt: Buffer; tag: Buffer }

const base64 = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');
const phcOf = ({ cost, salt, tag }: Stored): string => `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${base64(salt)}$${base64(tag)}`;

function parsePhc(phc: string): Stored {
  const [, memory, passes, parallelism, salt, tag] = PHC.exec(phc) ?? [];
  if (tag === undefined) throw new Error('not a password hash of a kind that is known here');
  return { cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }, salt: Buffer.from(salt!, 'base64'), tag: Buffer.from(tag, 'base64') };
}

/** Two spellings of one text are one password; a NUL is a character like any other. */
const bytesOf = (text: string): Buffer => Buffer.from(text.normalize('NFC'), 'utf8');

/** The hash of a text, on libuv's pool: some tens of milliseconds of one core. */
export async function argon2Hash(text: string, random: (bytes: number) => Buffer, cost: Cost = COST): Promise<string> {
  const salt = random(SALT);
  const tag = await derive('argon2id', { message: bytesOf(text), nonce: salt, parallelism: cost.parallelism, tagLength: TAG, memory: cost.memory, passes: cost.passes });
  return phcOf({ cost, salt, tag });
}

/** Whether a text is the one that was hashed; takes as long for a near miss as for a far one. @throws Error for a hash of another kind */
export async function argon2Verify(phc: string, text: string): Promise<boolean> {
  const { cost, salt, tag } = parsePhc(phc);
  const made = await derive('argon2id', { message: bytesOf(text), nonce: salt, parallelism: cost.parallelism, tagLength: tag.length, memory: cost.memory, passes: cost.passes });
  return timingSafeEqual(made, tag);
}

/** True where a hash was made with less than is asked for today. */
export function outdated(phc: string, cost: Cost = COST): boolean {
  const { cost: made, tag } = parsePhc(phc);
  return made.memory < cost.memory || made.passes < cost.passes || made.parallelism !== cost.parallelism || tag.length < TAG;
}

/** A hash that no text has: whoever is not there costs as much to refuse as whoever is. */
export const hashOfNobody = (random: (bytes: number) => Buffer): string => phcOf({ cost: COST, salt: random(SALT), tag: random(TAG) });

import { createCipheriv, createDecipheriv } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Damaged } from '../errors.js';
import type { KeyCandidate, KeyRecord, Keys } from '../ports/keys.js';
import type { Period, Subject, SubjectKind } from '../sealed.js';
import { hkdf, MacKey } from './hmac.js';
import { randomPool } from './random-pool.js';

/** the keys that a directory begins with */
const FIXED = ['constant:directory', 'constant:ids'] as const;
const NONCE = 12, KEY = 32, TAG = 16;
const pooled = randomPool();

/** AES-256-GCM, random 96-bit nonce in front, tag behind (NIST SP 800-38D). */
export function encrypt(key: Uint8Array, text: Uint8Array | string, additional: string, random: (n: number) => Buffer = pooled): Buffer {
  const nonce = random(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(additional));
  const body = typeof text === 'string' ? cipher.update(text, 'utf8') : cipher.update(text);
  const end = cipher.final();
  return Buffer.concat([nonce, body, end, cipher.getAuthTag()]);
}

/** @throws Error when key, text or additional data are not those of the encryption */
export function decrypt(key: Uint8Array, box: Buffer, additional: string): Buffer {
  const cipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, NONCE), { authTagLength: TAG }).setAAD(Buffer.from(additional));
  cipher.setAuthTag(box.subarray(box.length - TAG));
  return Buffer.concat([cipher.update(box.subarray(NONCE, box.length - TAG)), cipher.final()]);
}

/** What to look at where a log and a key directory do not belong together. */
export const APART = 'the log and the key directory do not belong together. Check DATA_DIR, or EVENTSTORE_URL, MONGODB_URL and CLUSTER_NAME, and that backups of both were restored together';

export interface SubjectKey {
  id: string;
  /** null: forgotten */
  key: Buffer | null;
  /** the data key last derived from it: nearly all that a subject has is of one period */
  derived?: { name: string; key: Buffer };
}

/**
 * Subject and period keys in the open, in memory only, over the `Keys` port. Keys are wrapped by a key derived from the
 * master key; the directory is looked up by a keyed hash, so that the port never sees a number.
 */
export class Keyring {
  readonly #byHash = new LRUCache<string, SubjectKey>({ max: 20_000 });
  readonly #byId = new LRUCache<string, SubjectKey>({ max: 20_000 });
  readonly #periods = new LRUCache<string, SubjectKey>({ max: 5_000 });
  /** counts forgettings: what was asked for before one may not be kept after it */
  #generation = 0;

  private constructor(private readonly store: Keys, private readonly wrapping: Buffer, private readonly directory: MacKey,
    private readonly ids: MacKey, private readonly random: (n: number) => Buffer) {}

  /** True for a directory that was never opened: nothing is in it. Makes nothing. */
  static async isNew(store: Keys): Promise<boolean> { return (await store.find([FIXED[0]]))[0] === null; }

  /** @throws Error for a key that is not of 32 bytes · Damaged when the master key is not the one that the directory was made with: nothing is written then */
  static async open(store: Keys, masterKey: Uint8Array, random: (n: number) => Buffer = pooled): Promise<Keyring> {
    if (masterKey.length !== KEY) throw new Error(`a master key has ${KEY} bytes, not ${masterKey.length}`);
    const wrapping = hkdf(masterKey, 'heliograph wrapping v1');
    const records = await store.claim(FIXED.map((hash) => candidate(hash, 'key', wrapping, random).record));
    const [directory, ids] = records.map((r) => {
      if (r === 'forgotten') throw new Damaged('the key directory has lost its fixed keys: restore keys.db from a backup');
      try { return unwrap(r, wrapping); } catch { throw new Damaged('the master key is not the one that this data was written with: put the right key in place'); }
    });
    return new Keyring(store, wrapping, new MacKey(directory!), new MacKey(ids!), random);
  }

  /** HMAC under a secret that is never rotated: derives ids from idempotency keys, signs cursors and snapshots. */
  mac(purpose: string, text: string): Buffer {
    return Buffer.from(this.ids.mac(`${purpose}\0${text}`, 'latin1'), 'latin1');
  }

  #hash(s: { kind: string; value: string }): string {
    return this.directory.mac(`${s.kind}:${s.value}`);
  }

  /** The id of a subject that is already known; makes nothing. */
  async find(subject: { kind: SubjectKind; value: string }): Promise<string | null> {
    const hash = this.#hash(subject);
    return this.#byHash.get(hash)?.id ?? (await this.store.find([hash]))[0]!;
  }

  /** The keys of these subjects, made where there was none (only to seal). In order. @throws Damaged for an id that was never issued here */
  async subjects(subjects: readonly Subject[]): Promise<SubjectKey[]> {
    const result = new Array<SubjectKey>(subjects.length);
    const claims: Candidate[] = [], claimAt: number[] = [], reads: string[] = [], readAt: number[] = [];
    subjects.forEach((s, i) => {
      if ('id' in s) {
        const known = this.#byId.get(s.id);
        if (known) result[i] = known; else { reads.push(s.id); readAt.push(i); }
        return;
      }
      const hash = this.#hash(s);
      const known = this.#byHash.get(hash);
      if (known) result[i] = known;
      else { claims.push(candidate(hash, 'sub', this.wrapping, this.random)); claimAt.push(i); }
    });
    if (reads.length > 0) {
      const found = await this.byId(reads);
      readAt.forEach((at, i) => {
        const subject = found.get(reads[i]!);
        if (!subject) throw new Damaged(`the key directory never issued ${reads[i]}: ${APART}`);
        result[at] = subject;
      });
    }
    if (claims.length > 0) {
      const generation = this.#generation;
      const records = await this.store.claim(claims.map((c) => c.record));
      records.forEach((r, i) => {
        const own = claims[i]!;
        // the winner is often the candidate itself: its key need not be unwrapped again
        const subject: SubjectKey = r === 'forgotten' ? { id: own.record.id, key: null } : { id: r.id, key: r.id === own.record.id ? own.key : unwrap(r, this.wrapping) };
        if (subject.key && generation === this.#generation) {
          this.#byHash.set(own.record.hash, subject);
          this.#byId.set(subject.id, subject);
        }
        result[claimAt[i]!] = subject;
      });
    }
    return result;
  }

  /** The keys of these ids, in one call; `key: null` where forgotten. One that was never issued here is missing from the map. */
  async byId(ids: readonly string[]): Promise<Map<string, SubjectKey>> {
    const found = new Map<string, SubjectKey>();
    const missing: string[] = [];
    for (const id of ids) {
      const known = this.#byId.get(id);
      if (known) found.set(id, known); else missing.push(id);
    }
    if (missing.length > 0) {
      const generation = this.#generation;
      const records = await this.store.keys(missing);
      for (const id of missing) {
        const r = records.get(id);
        if (r === undefined) continue;
        const subject: SubjectKey = { id, key: r === 'forgotten' ? null : unwrap(r, this.wrapping) };
        if (generation === this.#generation) this.#byId.set(id, subject);
        found.set(id, subject);
      }
    }
    return found;
  }

  /** The key of a period, made if absent; null when it was forgotten (retention). `kept` has none. */
  async period(p: Period): Promise<SubjectKey> {
    if (p.category === 'kept') return NO_PERIOD;
    const name = `period:${p.category}:${p.day}`;
    const known = this.#periods.get(name);
    if (known) return known;
    const own = candidate(name, 'per', this.wrapping, this.random);
    const generation = this.#generation;
    const [r] = await this.store.claim([own.record]);
    const key: SubjectKey = r === 'forgotten' || r === undefined ? { id: own.record.id, key: null } : { id: r.id, key: unwrap(r, this.wrapping) };
    if (generation === this.#generation) this.#periods.set(name, key);
    return key;
  }

  /** Encrypts for one subject and period: HKDF(subject key ‖ period key), once per pair. */
  dataKey(subject: SubjectKey, period: SubjectKey, p: Period): Buffer | null {
    if (!subject.key || !period.key) return null;
    const name = `${subject.id}|${p.category}|${p.day}`;
    if (subject.derived?.name !== name) subject.derived = { name, key: hkdf(Buffer.concat([subject.key, period.key]), name) };
    return subject.derived.key;
  }

  /** An HMAC under the subject's key: proves equality to whoever still may know, to nobody after erasure. */
  fingerprint(subject: SubjectKey, text: string): string {
    return subject.key ? new MacKey(subject.key).mac(`fingerprint\0${text}`) : '';
  }

  /** Destroys these keys, here and in the directory. */
  async forget(ids: readonly string[]): Promise<void> {
    await this.store.forget(ids);
    this.forgotten();
  }

  /** Another process forgot keys: nothing in memory may outlive them. */
  forgotten(): void {
    this.#generation++;
    this.#byHash.clear(); this.#byId.clear(); this.#periods.clear();
  }
}

const NO_PERIOD: SubjectKey = { id: '', key: Buffer.alloc(0) };

interface Candidate { record: KeyCandidate; /** in the open */ key: Buffer }

function candidate(hash: string, kind: 'sub' | 'per' | 'key', wrapping: Buffer, random: (n: number) => Buffer): Candidate {
  const key = random(KEY);
  const id = `${kind}_${random(16).toString('base64url')}`;
  // of its own memory: a slice of Node's pool is copied to a thread with the whole pool
  return { key, record: { hash, id, wrapped: new Uint8Array(encrypt(wrapping, key, id, random)) } };
}

const unwrap = (r: KeyRecord, wrapping: Buffer): Buffer => decrypt(wrapping, Buffer.from(r.wrapped), r.id);

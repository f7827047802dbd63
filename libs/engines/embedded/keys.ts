import type { KeyCandidate, KeyRecord, Keys } from '#libs/event-sourcing/ports/keys';
import type { Claimed, KeysRequest } from './keys.thread.js';
import { reasonOf, type ThreadLink } from './thread-link.js';

/** The key directory on node:sqlite, in a file and a thread of its own. Calls that wait share one flush. */
export class EmbeddedKeys implements Keys {
  /** why the last call failed */
  #failure: string | null = null;
  constructor(readonly link: ThreadLink) {}

  async claim(candidates: readonly KeyCandidate[]): Promise<(KeyRecord | 'forgotten')[]> {
    const texts: string[] = [];
    for (const { hash, id, wrapped: w } of candidates) texts.push(hash, id, Buffer.from(w.buffer, w.byteOffset, w.byteLength).toString('latin1'));
    const claimed = await this.#ask<Claimed>({ op: 'claim', texts });
    return claimed.map((c, i) => c ?? { id: candidates[i]!.id, wrapped: candidates[i]!.wrapped });
  }

  find(hashes: readonly string[]): Promise<(string | null)[]> { return this.#ask({ op: 'find', hashes }); }
  keys(ids: readonly string[]): Promise<Map<string, KeyRecord | 'forgotten'>> { return this.#ask({ op: 'keys', ids }); }
  async forget(ids: readonly string[]): Promise<void> { await this.#ask({ op: 'forget', ids }); }
  async rewrap(records: readonly KeyRecord[]): Promise<void> { await this.#ask({ op: 'rewrap', records }); }
  list(after: string | null, limit: number): Promise<KeyRecord[]> { return this.#ask({ op: 'list', after, limit }); }
  constant(name: string, value: Uint8Array): Promise<Uint8Array> { return this.#ask({ op: 'constant', name, value }); }

  /** Why the directory cannot be used at the moment, if so. After a failure it is tried again by asking for nothing. */
  async failing(): Promise<string | null> {
    if (this.#failure !== null) await this.find([]).catch(() => undefined);
    return this.#failure;
  }

  async #ask<T>(request: KeysRequest): Promise<T> {
    try {
      const answer = await this.link.call<T>(request);
      this.#failure = null;
      return answer;
    } catch (error) {
      this.#failure = reasonOf(error);
      throw error;
    }
  }
}

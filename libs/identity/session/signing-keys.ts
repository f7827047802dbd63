import { stateOf } from '#libs/event-sourcing/decider';
import type { StoredEvent, StoredEventOf } from '#libs/event-sourcing/event';
import type { Commands } from '#libs/event-sourcing/running/commands';
import type { LiveListener } from '#libs/event-sourcing/running/live-state';
import type { States } from '#libs/event-sourcing/running/states';
import { keyset, EnsureSigningKey, type KeysetState, type SigningKey } from './keyset.decider.js';
import type { KeysetEvents } from './keyset.events.js';

/** The one keyset there is: it signs access tokens, refresh tokens and cookies. */
export const SIGN_IN_KEYS = 'sign-in';
const STREAM = `${keyset.stream}-${SIGN_IN_KEYS}`;

/** What a key is for: of one id each use has a key of its own. */
export type KeyUse = 'access' | 'refresh' | 'cookie';
/** A new key's id. @param random so many bytes from a cryptographic source */
export const newKid = (random: (bytes: number) => Buffer): string => `k${random(8).toString('hex')}`;

export interface SigningKeysPorts {
  commands: Pick<Commands, 'execute'>;
  states: Pick<States, 'read'>;
  /** HMAC under a secret outside the log; see `Keyring.mac` */
  mac(purpose: string, text: string): Buffer;
  random(bytes: number): Buffer;
}

/** The keys that sign and check in this process, as the log names them. Keys themselves are derived and stand nowhere. */
export class SigningKeys implements LiveListener {
  readonly prefixes = [`${keyset.stream}-`];
  #state: KeysetState = keyset.initial;
  #revision = -1;
  /** what was heard before the stream was read; null once it was */
  #early: StoredEvent[] | null = [];
  readonly #derived = new Map<string, Buffer>();
  #mac: SigningKeysPorts['mac'] = () => { throw new Error('the signing keys were not started'); };

  /** Makes the first key where there is none, and reads the stream. Call it once the log is heard. */
  async start({ commands, states, mac, random }: SigningKeysPorts): Promise<void> {
    this.#mac = mac;
    const kid = newKid(random);
    await commands.execute(keyset, new EnsureSigningKey(SIGN_IN_KEYS, { kid }, { principal: 'system:start', correlationId: kid, causationId: kid }));
    const { state, revision } = await states.read(keyset, STREAM);
    [this.#state, this.#revision] = [state as KeysetState, revision];
    const early = this.#early ?? [];
    this.#early = null;
    for (const event of early) this.onEvent(event);
  }

  onEvent(event: StoredEvent): void {
    if (event.stream !== STREAM) return;
    if (this.#early) { this.#early.push(event); return; }
    if (event.revision <= this.#revision) return;
    if (event.revision > this.#revision + 1) throw new Error(`signing keys: heard of change ${event.revision} before change ${this.#revision + 1}`);
    this.#state = stateOf<KeysetState, KeysetEvents>(keyset, [event as StoredEventOf<KeysetEvents>], this.#state);
    this.#revision = event.revision;
    for (const name of this.#derived.keys()) if (!this.has(name.slice(name.indexOf(' ') + 1))) this.#derived.delete(name);
  }

  all(): readonly SigningKey[] { return this.#state.keys; }
  /** Whether what it signed counts. */
  has(kid: string): boolean { return this.#state.keys.some((k) => k.kid === kid); }

  /** The key of this id; null where it is unknown or retired: then nothing it signed counts. 32 bytes. */
  key(kid: string, use: KeyUse): Buffer | null {
    if (!this.has(kid)) return null;
    const name = `${use} ${kid}`;
    let key = this.#derived.get(name);
    if (!key) this.#derived.set(name, key = this.#mac('signing-key', name));
    return key;
  }

  /** The one that signs now. */
  signing(use: KeyUse): { kid: string; key: Buffer } {
    const kid = this.#state.keys.at(-1)?.kid;
    if (kid === undefined) throw new Error('there is no signing key');
    return { kid, key: this.key(kid, use)! };
  }
}

import type { CommandContext } from '#libs/event-sourcing/decider';
import { Refusal, Unavailable } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Commands } from '#libs/event-sourcing/running/commands';
import type { States } from '#libs/event-sourcing/running/states';
import type { SubjectKind } from '#libs/event-sourcing/sealed';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';
import { CLAIM_USABLE_MS, ClaimName, name, ReleaseName, type NameState } from './name.decider.js';
import { foldedEmail, foldedName } from './names.js';

/** What an account is called, as far as it must be called so alone. */
export interface Names { username: string | null; email: string | null }
/** The account as it stands in the log: what it is called, 'deleted', or null where there is none. */
export type WhoHolds = (user: string) => Promise<Names | 'deleted' | null>;

/** `execute` decides on the log as it is now. */
interface Ports { execute: Commands['execute']; states: States; keyring: Keyring; clock: Clock }
type Kind = 'username' | 'email';
type NameSubject = { kind: SubjectKind; value: string };
/** Names that were claimed: the ids of their streams, and until when the account may be made on them (monotonic ms). */
export interface Claimed { ids: { id: string; kind: Kind }[]; until: number }

/** Under what the key directory knows a name. An account's own things are under its id, which holds no colon. */
const subjectOf = (kind: Kind, text: string): NameSubject =>
  (kind === 'email' ? { kind: 'email', value: foldedEmail(text) ?? '' } : { kind: 'account', value: `name:${foldedName(text)}` });
const each = (names: Names): [Kind, string][] => (['username', 'email'] as const).flatMap((kind): [Kind, string][] => (names[kind] === null ? [] : [[kind, names[kind]]]));
const same = (kind: Kind, a: string | null, b: string | null): boolean => a !== null && b !== null && subjectOf(kind, a).value === subjectOf(kind, b).value;

/** One holder for a name. The streams say who claimed it; whether the claim still counts, the account says. */
export class NameClaims {
  constructor(private readonly ports: Ports, private readonly holder: WhoHolds) {}

  /** Refuses early what is taken, before anything dear is done. What this lets through, `claim` decides. @throws Refusal name_taken */
  async free(names: Names, user: string): Promise<void> {
    for (const [kind, text] of each(names)) {
      const found = await this.find(text, kind);
      if (found !== null && found !== user) throw taken(kind);
    }
  }

  /** @throws Refusal name_taken; what was claimed until then is let go of */
  async claim(names: Names, user: string, context: CommandContext): Promise<Claimed> {
    const claimed: Claimed = { ids: [], until: this.ports.clock.monotonic() + CLAIM_USABLE_MS };
    for (const [kind, text] of each(names)) {
      const [subject] = await this.ports.keyring.subjects([subjectOf(kind, text)]);
      const id = subject!.id;
      try { await this.#claimOne(id, kind, text, user, context); } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        await this.release(claimed, user, 'not-used', context);
        throw taken(kind);
      }
      claimed.ids.push({ id, kind });
    }
    return claimed;
  }

  async #claimOne(id: string, kind: Kind, text: string, user: string, context: CommandContext): Promise<void> {
    const { execute, states } = this.ports;
    // drawn at random: the same request twice at once must not be taken for one
    const once = { ...context, exclusive: true };
    try { await execute(name, new ClaimName(id, { user, kind }, once)); } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const state = (await states.read(name, `name-${id}`)).state as NameState;
      const why = await this.#notCalledSo(state.user, kind, text);
      if (why === null) throw error;
      await execute(name, new ClaimName(id, { user, kind, instead: { user: state.user, why } }, once));
    }
  }

  /** Why the holder of a claim is not called so; null: it is. */
  async #notCalledSo(user: string, kind: Kind, text: string): Promise<'user-deleted' | 'not-used' | null> {
    const held = await this.holder(user);
    if (held === 'deleted') return 'user-deleted';
    return held !== null && same(kind, held[kind], text) ? null : 'not-used';
  }

  /** An account may only be made while nobody else can have taken its names. @throws Unavailable */
  stillClaimed({ until }: Claimed): void {
    if (this.ports.clock.monotonic() > until) throw new Unavailable('making accounts');
  }

  /** Lets go of names. What fails here is free in a minute all the same. */
  async release({ ids }: Pick<Claimed, 'ids'>, user: string, reason: 'changed' | 'user-deleted' | 'not-used', context: CommandContext): Promise<void> {
    for (const { id } of ids) await this.ports.execute(name, new ReleaseName(id, { user, reason }, { ...context, exclusive: true })).catch((error: unknown) => { if (!(error instanceof Unavailable)) throw error; });
  }

  /** What of `next` is not in `old`. */
  added(old: Names, next: Names): Names {
    return { username: same('username', old.username, next.username) ? null : next.username, email: same('email', old.email, next.email) ? null : next.email };
  }

  /** The streams of these names, where they have one. */
  async idsOf(names: Names): Promise<Pick<Claimed, 'ids'>> {
    const found = await Promise.all(each(names).map(async ([kind, text]) => ({ kind, id: await this.ports.keyring.find(subjectOf(kind, text)) })));
    return { ids: found.flatMap(({ kind, id }) => (id === null ? [] : [{ kind, id }])) };
  }

  /** The account that is called so; makes nothing. An e-mail address has an `@`, a username never. */
  async find(text: string, kind: Kind = text.includes('@') ? 'email' : 'username'): Promise<string | null> {
    if (text.length > 1_000 || (kind === 'email' && foldedEmail(text) === null)) return null;
    const id = await this.ports.keyring.find(subjectOf(kind, text));
    const state = id === null ? null : (await this.ports.states.read(name, `name-${id}`)).state as NameState | null;
    return state?.held && (await this.#notCalledSo(state.user, kind, text)) === null ? state.user : null;
  }
}

const taken = (kind: Kind): Refusal => new Refusal('name_taken', undefined, [{ field: kind, message: 'is taken' }]);

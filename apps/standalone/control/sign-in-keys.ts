import { keyset, RotateSigningKey, type KeysetState, type SigningKey } from '#libs/identity/session/keyset.decider';
import { LONGEST_DAYS } from '#libs/identity/session/sessions';
import { newKid, SIGN_IN_KEYS } from '#libs/identity/session/signing-keys';
import { contextOf, operation } from './operation.js';

export interface SignInKeyAnswer { id: string; added_at: string; superseded_at: string | null; signs: boolean }

/** Nothing that a key signed lives longer. */
const LONGEST_MS = LONGEST_DAYS * 86_400_000;
const answerOf = ({ kid, addedAt, supersededAt }: SigningKey): SignInKeyAnswer => ({ id: kid, added_at: addedAt, superseded_at: supersededAt, signs: supersededAt === null });

export const listSignInKeys = operation<object, { keys: SignInKeyAnswer[] }>({
  given: { type: 'object', additionalProperties: false, required: [], properties: {} },
  async run({ kernel }) {
    const { keys } = (await kernel.states.read(keyset, `${keyset.stream}-${SIGN_IN_KEYS}`)).state as KeysetState;
    return { keys: keys.map(answerOf) };
  },
});

/** `retire_all`: what the others signed counts no more, so everybody signs in anew. */
export const rotateSignInKeys = operation<{ retire_all?: boolean }, { keys: SignInKeyAnswer[]; retired: string[] }>({
  given: { type: 'object', additionalProperties: false, required: [], properties: { retire_all: { type: 'boolean', nullable: true } } },
  async run(parts, { retire_all: retireAll = false }) {
    const done = await parts.kernel.commands.execute<KeysetState>(keyset, new RotateSigningKey(SIGN_IN_KEYS, { kid: newKid(parts.random), longestMs: LONGEST_MS, retireAll }, contextOf(parts)));
    return { keys: done.state.keys.map(answerOf), retired: done.events.flatMap((e) => (e.type === 'SigningKeyRetired' ? [(e.data as { kid: string }).kid] : [])) };
  },
});

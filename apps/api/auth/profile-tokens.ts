import { Refusal } from '#libs/event-sourcing/errors';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { stands, type Known } from '#libs/identity/authenticate';
import { credential, RevokeCredential, type CredentialOf, type CredentialState } from '#libs/identity/credential/credential.decider';
import { Foreign } from '#libs/identity/foreign';
import { principalName } from '#libs/identity/principal';
import type { ActivityQuery } from '#libs/identity/signin/sign-in.dto';
import { credentialList } from '#projections/credential-list/credential-list.projection';
import { listCredentials } from '#projections/credential-list/credential-list.reader';
import { stageOf, type Stage } from '../api-keys/api-key.answer.js';
import { contextOf, type Answer, type Asking } from '../messages/asking.js';
import { Cursors } from '../messages/cursors.js';

export interface ProfileTokensPorts { kernel: Kernel; known: Pick<Known, 'account' | 'session'> }
type ApiToken = CredentialOf['api-token'];

const PAGE = 50;
const LIST = { follower: credentialList.name, collection: collectionOf(credentialList) };

/** One's own API tokens: those of the sign-ins, and those that were made otherwise. */
export class ProfileTokens {
  readonly #cursors: Cursors;
  constructor(private readonly ports: ProfileTokensPorts) { this.#cursors = new Cursors(ports.kernel.keyring); }

  async list({ limit = PAGE, after }: ActivityQuery, asking: Asking): Promise<Answer> {
    const { kernel } = this.ports;
    const { owner } = asking.principal;
    const scope = ['api-tokens', owner];
    const cursor = after === undefined ? undefined : (this.#cursors.read(after, scope) as [string, string]);
    await kernel.seeing.upTo(LIST, principalName(asking.principal), asking.position);
    const page = await listCredentials(kernel.options.engine.readModels, { kind: 'api-token', owner }, limit, cursor);
    const states = await Promise.all(page.credentials.map(({ id }) => this.#state(id)));
    return {
      status: 200, body: {
        tokens: await Promise.all(page.credentials.map(({ id }, i) => this.#answer(id, states[i] as ApiToken, asking))),
        next: page.next ? this.#cursors.write(page.next, scope) : null,
      },
    };
  }

  /** Ends it at once, the one that asks too; again is nothing. @throws Refusal not_found */
  async end(id: string, asking: Asking): Promise<Answer> {
    const state = /^[0-9a-f]{32}$/.test(id) ? await this.#state(id) : null;
    if (state?.kind !== 'api-token') throw new Refusal('not_found');
    if (state.owner !== asking.principal.owner) throw new Foreign('api-token');
    const done = await this.ports.kernel.commands.execute<ApiToken>(credential, new RevokeCredential(id, { reason: 'requested' }, contextOf(asking)));
    return { status: 200, body: await this.#answer(id, done.state, asking), position: done.position };
  }

  async #state(id: string): Promise<CredentialState | null> {
    return (await this.ports.kernel.states.read(credential, `credential-${id}`)).state as CredentialState | null;
  }

  async #answer(id: string, token: ApiToken, { principal }: Asking): Promise<Record<string, unknown>> {
    const { issuedAt, expiresAt, revoked, role, session } = token;
    const stage = stageOf(expiresAt, revoked?.at ?? null, this.ports.kernel.options.clock.now().getTime());
    return {
      id, current: principal.credential.id === id, role, session, created_at: issuedAt, expires_at: expiresAt, revoked_at: revoked?.at ?? null,
      state: (stage === 'active' || stage === 'expiring') && !await this.#counts(token) ? 'ended' : stage satisfies Stage,
    };
  }

  /** Whether neither all of its owner's tokens nor its sign-in were ended. */
  async #counts({ owner, epoch, session }: ApiToken): Promise<boolean> {
    const account = await this.ports.known.account(owner);
    return (account === null || account.tokenEpoch === epoch) && (session === null || stands(session, account, this.ports.known));
  }
}

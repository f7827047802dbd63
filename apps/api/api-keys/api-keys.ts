import type { CommandBus } from '@nestjs/cqrs';
import { Refusal } from '#libs/event-sourcing/errors';
import { NO_STREAM } from '#libs/event-sourcing/event';
import type { ReadModels } from '#libs/event-sourcing/ports/read-models';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Executed } from '#libs/event-sourcing/running/commands';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import type { Seeing } from '#libs/event-sourcing/running/seeing';
import type { States } from '#libs/event-sourcing/running/states';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';
import type { Sealer } from '#libs/event-sourcing/sealing/sealer';
import type { ApiKeyState } from '#libs/identity/authenticate';
import { newApiKey } from '#libs/identity/credential/api-key';
import type { CreateApiKeyDto, ListApiKeysQuery } from '#libs/identity/credential/api-keys.dto';
import { credential, IssueApiKey, RevokeCredential, type CredentialState } from '#libs/identity/credential/credential.decider';
import { isKnownScope, mayGrant } from '#libs/identity/credential/granting';
import { isAccount } from '#libs/identity/credential/owner';
import { isScope, SCOPE_RULE } from '#libs/identity/credential/scope';
import { Foreign, maySee } from '#libs/identity/foreign';
import { principalName, type Principal } from '#libs/identity/principal';
import type { CurrentSettings } from '#libs/settings/settings';
import { credentialList } from '#projections/credential-list/credential-list.projection';
import { listCredentials } from '#projections/credential-list/credential-list.reader';
import { keyUse } from '#projections/key-use/key-use.projection';
import { countedUses, loggedUses } from '#projections/key-use/key-use.reader';
import { checkedKey } from '../messages/acceptance.js';
import { contextOf, type Answer, type Asking } from '../messages/asking.js';
import { Cursors } from '../messages/cursors.js';
import { factsOf, factsOfRow, keyAnswer, ownId, useAnswer } from './api-key.answer.js';

export interface ApiKeyPorts {
  bus: CommandBus;
  views: ReadModels;
  states: States;
  keyring: Keyring;
  sealer: Sealer;
  seeing: Seeing;
  clock: Clock;
  settings: Pick<CurrentSettings, 'value'>;
  /** so many bytes from a cryptographic source */
  random(bytes: number): Buffer;
}

const LIST = { follower: credentialList.name, collection: collectionOf(credentialList) };
const USES = { follower: keyUse.name, collection: collectionOf(keyUse) };
const ROUTE = 'POST /api/v1/api-keys';
const DAY_MS = 86_400_000;

/** API keys as whoever made them sees them; administrators see everybody's. */
export class ApiKeys {
  readonly #cursors: Cursors;
  constructor(private readonly ports: ApiKeyPorts) { this.#cursors = new Cursors(ports.keyring); }

  /** The key's text goes out here and nowhere else: a repeat with the same Idempotency-Key answers the same without it. */
  async create(dto: CreateApiKeyDto, asking: Asking): Promise<Answer> {
    const { keyring, bus, clock, random } = this.ports;
    const { principal } = asking;
    if (!isAccount(principal.owner)) throw new Refusal('forbidden', 'An API key belongs to an account and ends with it. Sign in with an account, or use a credential of one.');
    this.#mayCarry(dto, principal);
    const header = asking.idempotencyKey;
    const id = header === undefined ? undefined : keyring.mac('id', JSON.stringify([principal.owner, ROUTE, checkedKey(header)])).toString('hex').slice(0, 32);
    const earlier = id === undefined ? null : await this.#repeat(id, dto);
    if (earlier) return earlier;
    await this.#withinParent(dto, principal);
    const made = newApiKey(random, (purpose, text) => keyring.mac(purpose, text), id);
    const { name, scopes, expires_in_days: days } = dto, description = dto.description ?? null;
    let done: Executed<ApiKeyState>;
    try {
      done = await bus.execute(new IssueApiKey(made.id, { owner: principal.owner, name, description, scopes, prefix: made.prefix, mac: made.mac, days }, { ...contextOf(asking), creates: true }));
    } catch (error) {
      // another with the same Idempotency-Key was first, in this moment
      const first = id !== undefined && error instanceof Refusal && error.code === 'conflict' ? await this.#repeat(id, dto) : null;
      if (first) return first;
      throw error;
    }
    return { status: 201, body: { ...keyAnswer(made.id, factsOf(done.state), clock.now()), ...useAnswer(undefined), key: made.text }, position: done.position };
  }

  /** The answer to a request that was answered before; null: it was not. @throws Refusal idempotency_mismatch */
  async #repeat(id: string, { name, description, scopes, expires_in_days: days }: CreateApiKeyDto): Promise<Answer | null> {
    const { state, revision } = await this.ports.states.read(credential, `credential-${id}`);
    if (revision === NO_STREAM) return null;
    const known = state as ApiKeyState;
    const first = keyAnswer(id, { ...factsOf(known), revokedAt: null, reason: null }, new Date(known.issuedAt));
    if (JSON.stringify([name, description ?? null, scopes, days]) !== JSON.stringify([first['name'], first['description'], first['scopes'], first['expires_in_days']])) throw new Refusal('idempotency_mismatch');
    return { status: 201, body: { ...first, ...useAnswer(undefined), key: null }, replayed: true };
  }

  /** A key that a key makes ends with it at the latest: what was given for a while is not made longer by whoever holds it. @throws Refusal validation_failed */
  async #withinParent({ expires_in_days: days }: CreateApiKeyDto, { credential: { kind, id } }: Principal): Promise<void> {
    if (kind !== 'api-key') return;
    const parent = (await this.ports.states.read(credential, `credential-${id}`)).state as ApiKeyState;
    const left = Math.floor((Date.parse(parent.expiresAt!) - this.ports.clock.now().getTime()) / DAY_MS);
    if (days > left) throw new Refusal('validation_failed', undefined, [{ field: 'expires_in_days', message: left < 1 ? 'the key that asks ends in less than a day: it makes none' : `must be at most ${left}: so many days are left of the key that asks` }]);
  }

  /** @throws Refusal validation_failed · not_granted */
  #mayCarry({ scopes, expires_in_days: days }: CreateApiKeyDto, principal: Principal): void {
    const hosts = this.ports.settings.value('security.api_scopes'), most = this.ports.settings.value('security.api_key_max_days');
    const errors = scopes.flatMap((scope, i) =>
      !isScope(scope) ? [{ field: `scopes[${i}]`, message: SCOPE_RULE }]
        : !isKnownScope(scope, hosts) ? [{ field: `scopes[${i}]`, message: 'is not a scope that is known here' }]
          : scopes.indexOf(scope) < i ? [{ field: `scopes[${i}]`, message: 'is there twice' }] : []);
    if (days > most) errors.push({ field: 'expires_in_days', message: `must be at most ${most}` });
    if (errors.length > 0) throw new Refusal('validation_failed', undefined, errors);
    const lacking = scopes.filter((scope) => !mayGrant(scope, principal));
    if (lacking.length > 0) throw new Refusal('not_granted', `Nobody grants a right that he does not hold: ${lacking.join(', ')}.`, undefined, { scopes: lacking });
  }

  async list({ owner: asked, limit = 50, after }: ListApiKeysQuery, asking: Asking): Promise<Answer> {
    const { views, seeing, clock } = this.ports;
    const { principal } = asking;
    const owner = principal.role === 'admin' ? asked : principal.owner;
    if (asked !== undefined && asked !== owner) return { status: 200, body: { api_keys: [], next: null } };
    const scope = ['api-keys', owner ?? '*'];
    const cursor = after === undefined ? undefined : (this.#cursors.read(after, scope) as [string, string]);
    await seeing.upTo(LIST, principalName(principal), asking.position);
    const page = await listCredentials(views, { kind: 'api-key', ...(owner === undefined ? {} : { owner }) }, limit, cursor);
    const uses = await countedUses(views, page.credentials.map(({ id }) => id));
    return {
      status: 200, body: {
        api_keys: page.credentials.map((row) => ({ ...keyAnswer(row.id, factsOfRow(row), clock.now()), ...useAnswer(uses.get(row.id)) })),
        next: page.next ? this.#cursors.write(page.next, scope) : null,
      },
    };
  }

  async show(shown: string, asking: Asking): Promise<Answer> {
    const { id, state } = await this.#find(shown, asking);
    return { status: 200, body: await this.#whole(id, state) };
  }

  /** Ends it at once; again is nothing. */
  async revoke(shown: string, asking: Asking): Promise<Answer> {
    const { id } = await this.#find(shown, asking);
    const done: Executed<ApiKeyState> = await this.ports.bus.execute(new RevokeCredential(id, { reason: 'requested' }, contextOf(asking)));
    return { status: 200, body: await this.#whole(id, done.state), position: done.position };
  }

  /** What it was used for, newest first. A use is here a second after it was made, or two. */
  async usage(shown: string, { limit = 100, after }: { limit?: number; after?: string }, asking: Asking): Promise<Answer> {
    const { views, sealer, seeing } = this.ports;
    const { id } = await this.#find(shown, asking);
    const scope = ['api-key-uses', id];
    const cursor = after === undefined ? undefined : (this.#cursors.read(after, scope) as [string, string]);
    await seeing.upTo(USES, principalName(asking.principal), asking.position);
    const { uses, next } = await loggedUses(views, id, limit, cursor);
    const addresses = await sealer.open(uses.map(({ row }) => row.address));
    return {
      status: 200, body: {
        uses: uses.map(({ row: { at, method, route, status } }, i) => ({ at, method, endpoint: route, status, address: addresses[i] ?? null })),
        next: next ? this.#cursors.write(next, scope) : null,
      },
    };
  }

  async analytics(shown: string, asking: Asking): Promise<Answer> {
    const { id } = await this.#find(shown, asking);
    const counts = (await countedUses(this.ports.views, [id])).get(id);
    const [total, errors] = [counts?.total ?? 0, counts?.errors ?? 0];
    return {
      status: 200, body: {
        ...useAnswer(counts), errors, error_rate: total === 0 ? 0 : errors / total,
        endpoints: (counts?.endpoints ?? []).map(({ method, route, total: requests, errors: failed }) => ({ method, endpoint: route, requests, errors: failed })),
      },
    };
  }

  async #whole(id: string, state: ApiKeyState): Promise<Record<string, unknown>> {
    return { ...keyAnswer(id, factsOf(state), this.ports.clock.now()), ...useAnswer((await countedUses(this.ports.views, [id])).get(id)) };
  }

  async #find(shown: string, { principal }: Asking): Promise<{ id: string; state: ApiKeyState }> {
    const id = ownId(shown);
    const state = id === null ? null : (await this.ports.states.read(credential, `credential-${id}`)).state as CredentialState | null;
    if (id === null || state?.kind !== 'api-key') throw new Refusal('not_found');
    if (!maySee(principal, state.owner)) throw new Foreign('api-key');
    return { id, state };
  }
}

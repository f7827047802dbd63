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
import { loadAuthority, type IssuedCertificate, type KeyPair } from '#libs/identity/certificate/authority';
import { requestedKey } from '#libs/identity/certificate/certificate-request';
import type { IssueCertificateDto, ListCertificatesQuery, RenewCertificateDto } from '#libs/identity/credential/certificates.dto';
import { credential, IssueCertificate, RevokeCredential, type CredentialState } from '#libs/identity/credential/credential.decider';
import type { RevocationReason } from '#libs/identity/credential/credential.events';
import { ownerToBe, resolveOwner, type FindAccount } from '#libs/identity/credential/resolve-owner';
import { principalName, type Role } from '#libs/identity/principal';
import { credentialList } from '#projections/credential-list/credential-list.projection';
import { listCredentials } from '#projections/credential-list/credential-list.reader';
import { checkedKey } from '../messages/acceptance.js';
import { contextOf, type Answer, type Asking } from '../messages/asking.js';
import { Cursors } from '../messages/cursors.js';
import { certificateAnswer, factsOf, factsOfRow, type CertificateState } from './certificate.answer.js';

export interface CertificatePorts {
  bus: CommandBus;
  views: ReadModels;
  states: States;
  keyring: Keyring;
  seeing: Seeing;
  clock: Clock;
  accounts: FindAccount;
  /** our own authority's certificate and key */
  ca: KeyPair;
  /** so many bytes from a cryptographic source */
  random(bytes: number): Buffer;
}

const LIST = { follower: credentialList.name, collection: collectionOf(credentialList) };
const DAYS = 365;
const DAY_MS = 86_400_000;

interface Wanted { owner: string; role: Role; days: number; /** PEM; undefined: the key is made here */ request: string | undefined; /** what the request may call its owner */ called: readonly string[]; route: string }

/** Client certificates, for administrators. What leaves with a new one leaves once: keys are kept nowhere. */
export class Certificates {
  readonly #cursors: Cursors;
  constructor(private readonly ports: CertificatePorts) { this.#cursors = new Cursors(ports.keyring); }

  async issue({ owner: called, role = 'user', days = DAYS, request }: IssueCertificateDto, asking: Asking): Promise<Answer> {
    const { owner } = await ownerToBe(called, this.ports.accounts);
    return this.#issue({ owner, role, days, request: request ?? undefined, called: [owner, called], route: 'POST /api/v1/certificates' }, asking);
  }

  /** Another one for the same owner and role. The old one goes on until it is replaced, or ends at once where that is asked for. */
  async renew(shown: string, { days = DAYS, request, revoke_old: revokeOld }: RenewCertificateDto, asking: Asking): Promise<Answer> {
    const { serial, state } = await this.#find(shown);
    const { owner, role } = state;
    const renewed = await this.#issue({ owner, role, days, request: request ?? undefined, called: [owner], route: `POST /api/v1/certificates/${serial}/renew` }, asking);
    if (revokeOld !== true) return renewed;
    const done = await this.#revoke(serial, 'replaced', asking);
    return { ...renewed, ...(done.position ? { position: done.position } : {}) };
  }

  async revoke(shown: string, reason: RevocationReason, asking: Asking): Promise<Answer> {
    const { serial } = await this.#find(shown);
    const { state, position } = await this.#revoke(serial, reason, asking);
    return { status: 200, body: certificateAnswer(serial, factsOf(state), this.ports.clock.now()), position };
  }

  async show(shown: string): Promise<Answer> {
    const { serial, state } = await this.#find(shown);
    return { status: 200, body: certificateAnswer(serial, factsOf(state), this.ports.clock.now()) };
  }

  async list({ owner: called, limit = 50, after }: ListCertificatesQuery, asking: Asking): Promise<Answer> {
    const owner = called === undefined ? undefined : (await resolveOwner(called, this.ports.accounts)).owner;
    return this.#page(owner, limit, after, asking);
  }

  /** One's own: so that whoever owns one sees that it ends. */
  own({ limit = 50, after }: { limit?: number; after?: string }, asking: Asking): Promise<Answer> { return this.#page(asking.principal.owner, limit, after, asking); }

  async #page(owner: string | undefined, limit: number, after: string | undefined, asking: Asking): Promise<Answer> {
    const { views, seeing, clock } = this.ports;
    const scope = ['certificates', owner ?? '*'];
    const cursor = after === undefined ? undefined : (this.#cursors.read(after, scope) as [string, string]);
    await seeing.upTo(LIST, principalName(asking.principal), asking.position);
    const page = await listCredentials(views, { kind: 'client-certificate', ...(owner === undefined ? {} : { owner }) }, limit, cursor);
    return { status: 200, body: { certificates: page.credentials.map((row) => certificateAnswer(row.id, factsOfRow(row), clock.now())), next: page.next ? this.#cursors.write(page.next, scope) : null } };
  }

  /** With an Idempotency-Key the serial is derived from it: a repeat finds the certificate, whose key and text are not shown again. */
  async #issue(wanted: Wanted, asking: Asking): Promise<Answer> {
    const { keyring, bus, clock, ca, random } = this.ports;
    const { owner, role, days, request } = wanted;
    const header = asking.idempotencyKey;
    const drawn = header === undefined ? null : keyring.mac('serial', JSON.stringify([asking.principal.owner, wanted.route, checkedKey(header)]));
    const authority = await loadAuthority(ca, { now: () => clock.now(), random: (bytes) => (drawn ? drawn.subarray(0, bytes) : random(bytes)) });
    const publicKey = request === undefined ? null : await requestedKey(request, ...wanted.called);
    const made: IssuedCertificate & { privateKey?: string } = publicKey ? await authority.signClient({ owner, days }, publicKey) : await authority.issueClient({ owner, days });
    const earlier = drawn && await this.#repeat(made, wanted);
    if (earlier) return earlier;
    const { serial, fingerprint256, notAfter } = made;
    let done: Executed<CertificateState>;
    try {
      done = await bus.execute(new IssueCertificate(serial, { owner, role, fingerprint256, expiresAt: notAfter }, { ...contextOf(asking), creates: true }));
    } catch (error) {
      const first = drawn && error instanceof Refusal && error.code === 'conflict' ? await this.#repeat(made, wanted) : null;
      if (first) return first;
      throw error;
    }
    return { status: 201, body: { ...certificateAnswer(serial, factsOf(done.state), clock.now()), fingerprint256, certificate: made.certificate, private_key: made.privateKey ?? null, ca_certificate: ca.certificate }, position: done.position };
  }

  /** The answer to a request that was answered before; null: it was not. @throws Refusal idempotency_mismatch */
  async #repeat({ serial, notAfter }: IssuedCertificate, { owner, role }: Wanted): Promise<Answer | null> {
    const { state, revision } = await this.ports.states.read(credential, `credential-${serial}`);
    if (revision === NO_STREAM) return null;
    const known = state as CertificateState, now = this.ports.clock.now();
    // made for as long as the one that would be made now: what the authority's own end cuts short is cut short for both
    const wantedMs = Date.parse(notAfter) - now.getTime(), knownMs = Date.parse(known.expiresAt!) - Date.parse(known.issuedAt);
    if (known.owner !== owner || known.role !== role || Math.abs(wantedMs - knownMs) > DAY_MS / 2) throw new Refusal('idempotency_mismatch');
    return { status: 201, body: { ...certificateAnswer(serial, { ...factsOf(known), revokedAt: null, reason: null }, new Date(known.issuedAt)), fingerprint256: known.sha256, certificate: null, private_key: null, ca_certificate: this.ports.ca.certificate }, replayed: true };
  }

  #revoke(serial: string, reason: RevocationReason, asking: Asking): Promise<Executed<CertificateState>> {
    return this.ports.bus.execute(new RevokeCredential(serial, { reason }, contextOf(asking)));
  }

  /** By its serial, however it is written. */
  async #find(shown: string): Promise<{ serial: string; state: CertificateState }> {
    const serial = shown.replaceAll(':', '').toLowerCase();
    const state = /^[0-9a-f]{32}$/.test(serial) ? (await this.ports.states.read(credential, `credential-${serial}`)).state as CredentialState | null : null;
    if (state?.kind !== 'client-certificate') throw new Refusal('not_found');
    return { serial, state };
  }
}

import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { Refusal } from '#libs/event-sourcing/errors';
import { NO_STREAM } from '#libs/event-sourcing/event';
import { loadAuthority, LONGEST_DAYS, sha256 } from '#libs/identity/certificate/authority';
import { readClient, writeClient } from '#libs/identity/certificate/secrets-folder';
import { credential, IssueCertificate, RevokeCredential } from '#libs/identity/credential/credential.decider';
import { OWNER_NAME, OWNER_NAME_RULE } from '#libs/identity/credential/owner';
import { ROLES, type Role } from '#libs/identity/principal';
import { credentialOf } from './credentials.js';
import { contextOf, operation, type Parts } from './operation.js';
import { ownerOf } from './owner.js';

export interface IssuedAnswer { serial: string; fingerprint256: string; owner: string; role: Role; expires_at: string; folder: string }

/**
 * Signs a client certificate, writes it with its key for its owner to take away, and makes it known to the registry. A folder
 * whose certificate the registry does not know is one where this was interrupted: then that certificate is made known.
 */
export const issueCertificate = operation<{ owner: string; role: Role; days: number; name?: string }, IssuedAnswer>({
  given: {
    type: 'object', additionalProperties: false, required: ['owner', 'role', 'days'],
    properties: {
      owner: { type: 'string' }, role: { type: 'string', enum: ROLES }, days: { type: 'integer', minimum: 1, maximum: LONGEST_DAYS }, name: { type: 'string', nullable: true },
    },
  },
  async run(parts, { owner: called, role, days, name }) {
    const { owner } = await ownerOf(parts, called);
    return issue(parts, { owner, role, days, name: name ?? (OWNER_NAME.test(called) ? called : folderOf(owner)) });
  },
});

/** Another one for the same owner and role, in a folder of its own. Both count until the old one ends, which is at once where that is asked for. */
export const renewCertificate = operation<{ serial: string; days: number; name?: string; revoke_old?: boolean }, IssuedAnswer & { renewed: string; revoked: boolean }>({
  given: {
    type: 'object', additionalProperties: false, required: ['serial', 'days'],
    properties: {
      serial: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: LONGEST_DAYS }, name: { type: 'string', nullable: true }, revoke_old: { type: 'boolean', nullable: true },
    },
  },
  async run(parts, { serial, days, name, revoke_old: revokeOld = false }) {
    const { id, state: { owner, role, revoked } } = await credentialOf(parts, 'client-certificate', serial);
    const made = await issue(parts, { owner, role, days, name: name ?? `${folderOf(owner)}-${parts.clock.now().toISOString().slice(0, 10)}` });
    if (revokeOld) await parts.kernel.commands.execute(credential, new RevokeCredential(id, { reason: 'replaced' }, contextOf(parts)));
    return { ...made, renewed: id, revoked: revokeOld || revoked !== null };
  },
});

const folderOf = (owner: string): string => owner.replace(/^usr_/, '');

async function issue(parts: Parts, { owner, role, days, name }: { owner: string; role: Role; days: number; name: string }): Promise<IssuedAnswer> {
  const { secretsDir } = parts.configuration;
  if (!OWNER_NAME.test(name)) throw new Refusal('validation_failed', undefined, [{ field: 'name', message: OWNER_NAME_RULE }]);
  const folder = join(secretsDir, 'clients', name);
  const taken = new Refusal('conflict', `There is a certificate in ${folder} already. Give this one another --name, or take the other away first.`);
  const known = await readClient(secretsDir, name);
  if (known) {
    const left = leftBehind(known.certificate);
    const isKnown = (await parts.kernel.states.read(credential, `credential-${left.serial}`)).revision !== NO_STREAM;
    if (isKnown || left.owner !== owner || left.notAfter <= parts.clock.now().toISOString()) throw taken;
    return register(parts, left, owner, role, folder);
  }
  const authority = await loadAuthority(parts.secrets.ca, { now: () => parts.clock.now(), random: parts.random });
  const made = await authority.issueClient({ owner, days });
  if (await writeClient(secretsDir, name, made, parts.secrets.ca) === null) throw taken;
  return register(parts, made, owner, role, folder);
}

async function register(parts: Parts, made: { serial: string; fingerprint256: string; notAfter: string }, owner: string, role: Role, folder: string): Promise<IssuedAnswer> {
  const { serial, fingerprint256, notAfter } = made;
  await parts.kernel.commands.execute(credential, new IssueCertificate(serial, { owner, role, fingerprint256, expiresAt: notAfter }, contextOf(parts)));
  return { serial, fingerprint256, owner, role, expires_at: notAfter, folder };
}

function leftBehind(pem: string): { serial: string; fingerprint256: string; notAfter: string; owner: string } {
  const x = new X509Certificate(pem);
  return { serial: x.serialNumber.toLowerCase(), fingerprint256: sha256(x.raw), notAfter: x.validToDate.toISOString(), owner: /^CN=(.*)$/m.exec(x.subject)?.[1] ?? '' };
}

import { randomBytes, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { CommandBus } from '@nestjs/cqrs';
import { loadAuthority, sha256, type IssuedCertificate } from '#libs/identity/certificate/authority';
import { readClient, writeClient, type Secrets } from '#libs/identity/certificate/secrets-folder';
import { IssueCertificate, type CredentialState } from '#libs/identity/credential/credential.decider';
import type { LiveStates } from '#libs/identity/live-states';

const OWNER = 'demo';
const DAYS = 398;

/** In development: a client certificate for the owner `demo`, made once and known to the registry, also after the data was thrown away. */
export async function ensureDemoClient(secretsDir: string, secrets: Secrets, bus: CommandBus, credentials: Pick<LiveStates<CredentialState>, 'find'>, now: () => Date): Promise<string> {
  const known = await readClient(secretsDir, OWNER);
  let issued: Omit<IssuedCertificate, 'certificate'>;
  if (known) {
    const x = new X509Certificate(known.certificate);
    issued = { serial: x.serialNumber.toLowerCase(), fingerprint256: sha256(x.raw), notAfter: x.validToDate.toISOString() };
  } else {
    const authority = await loadAuthority(secrets.ca, { now, random: randomBytes });
    const made = await authority.issueClient({ owner: OWNER, days: DAYS });
    await writeClient(secretsDir, OWNER, made, secrets.ca);
    issued = made;
  }
  if (!(await credentials.find(issued.serial)) && issued.notAfter > now().toISOString()) {
    const { serial, fingerprint256, notAfter } = issued;
    await bus.execute(new IssueCertificate(serial, { owner: OWNER, role: 'user', fingerprint256, expiresAt: notAfter }, { principal: 'system:start', correlationId: serial, causationId: serial }));
  }
  return join(secretsDir, 'clients', OWNER);
}

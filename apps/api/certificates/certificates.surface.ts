import { RevokeDto } from '#libs/identity/credential/api-keys.dto';
import { IssueCertificateDto, ListCertificatesQuery, RenewCertificateDto } from '#libs/identity/credential/certificates.dto';
import { REVOCATION_REASONS } from '#libs/identity/credential/credential.events';
import { ROLES } from '#libs/identity/principal';
import { PageQuery } from '#libs/messaging/message/messages.dto';
import type { JsonSchema } from '#libs/platform/validation/decorators';
import { CREATED, json, list, moment, nullable, object, ref, text, WRITTEN, type Surface } from '../docs/surface.js';

const CERTIFICATE = {
  serial: text('32 hexadecimal digits; names the certificate'),
  owner: text('whose things it makes and sees: an account\'s id, or the name of an owner without one'),
  role: { type: 'string', enum: [...ROLES], description: 'what it may do at most; an owner whose own role is lower can do less' },
  state: { type: 'string', enum: ['active', 'expiring', 'expired', 'revoked'], description: '`expiring`: within 30 days' },
  issued_at: moment('when it was made'),
  expires_at: moment('its last second'),
  revoked_at: nullable(moment('when it was revoked')),
  revoked_because: { type: ['string', 'null'], enum: [...REVOCATION_REASONS, null] },
} satisfies Record<string, JsonSchema>;

const AT = '2026-03-01T09:30:00.000Z';
const SAMPLE = { serial: '4e0f6c1d2b3a49588776655443322110', owner: 'billing', role: 'user', state: 'active', issued_at: AT, expires_at: '2027-03-01T09:30:00.000Z', revoked_at: null, revoked_because: null };
const PEM = '-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n';
const ISSUED = { ...SAMPLE, fingerprint256: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752', certificate: PEM, private_key: '-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n', ca_certificate: PEM };
const ONCE = 'What leaves here leaves once: a private key that was made here is kept nowhere. With `Accept: application/zip` it is one archive of `client.crt`, `client.key` and `ca.crt`. A repeat with the same Idempotency-Key answers `null` for certificate and key.';
const TAKEN = json('IssuedCertificate', 'The certificate, or with `Accept: application/zip` the archive.', ISSUED, CREATED);
const PAGE = json('CertificatePage', 'A page of the list.', { certificates: [SAMPLE], next: null });
const NEW = ['malformed_json', 'payload_too_large', 'validation_failed', 'idempotency_mismatch'] as const;

export const certificatesSurface: Surface = {
  tag: { name: 'certificates', description: 'Client certificates for the mutual-TLS listener. From 30 days before its end on, every answer to a certificate says in `X-Heliograph-Certificate-Ends` when that is' },
  bodies: { IssueCertificate: IssueCertificateDto, RenewCertificate: RenewCertificateDto, RevokeCertificate: RevokeDto },
  fields: {
    owner: 'an account\'s id, username or e-mail address, or the name of an owner without an account', role: 'what it may do at most; `user` unless told', days: 'how long it is valid, 1 to 398; 365 unless told',
    request: 'a certificate request (PKCS #10, PEM) of a key that its owner made: nothing but that key is taken from it', revoke_old: 'end the old one at once; else both count until it ends', reason: 'why; `requested` unless told',
    limit: '1 to 200; 50 unless told', after: '`next` of the page before, with the same filters',
  },
  answers: {
    Certificate: object(CERTIFICATE),
    IssuedCertificate: object({ ...CERTIFICATE, fingerprint256: text('SHA-256 of the certificate in DER, hexadecimal'), certificate: nullable(text('PEM')), private_key: nullable(text('PKCS #8, PEM; null where the owner made it himself')), ca_certificate: text('PEM: what the client checks the server by') }),
    CertificatePage: object({ certificates: list(ref('Certificate')), next: nullable(text('Give it as `after` to get the next page; null on the last.')) }),
  },
  operations: {
    CertificatesController_issue: {
      id: 'issueCertificate', summary: 'Issue a client certificate', description: ONCE, headers: ['Idempotency-Key'],
      body: { schema: ref('IssueCertificate'), examples: { made: { owner: 'billing', days: 365 }, requested: { owner: 'billing', request: '-----BEGIN CERTIFICATE REQUEST-----\n…\n-----END CERTIFICATE REQUEST-----\n' } } },
      answers: { 201: TAKEN }, refusals: NEW,
    },
    CertificatesController_list: {
      id: 'listCertificates', summary: 'List client certificates, newest first', query: ListCertificatesQuery, headers: ['X-Heliograph-Position'],
      answers: { 200: PAGE }, refusals: ['validation_failed', 'invalid_cursor'],
    },
    CertificatesController_show: { id: 'showCertificate', summary: 'Show one client certificate', answers: { 200: json('Certificate', 'The certificate, as the registry has it.', SAMPLE) }, refusals: ['not_found'] },
    CertificatesController_renew: {
      id: 'renewCertificate', summary: 'Issue another certificate for the same owner and role', description: ONCE, headers: ['Idempotency-Key'],
      body: { schema: ref('RenewCertificate'), examples: { later: {}, at_once: { revoke_old: true } } },
      answers: { 201: TAKEN }, refusals: ['not_found', ...NEW],
    },
    CertificatesController_revoke: {
      id: 'revokeCertificate', summary: 'Revoke a client certificate', description: 'It opens nothing any more, within seconds, on connections that are open too; again is nothing.',
      body: { schema: ref('RevokeCertificate'), examples: { lost: { reason: 'compromised' } } },
      answers: { 200: json('Certificate', 'The certificate as it ended.', { ...SAMPLE, state: 'revoked', revoked_at: AT, revoked_because: 'compromised' }, WRITTEN) }, refusals: ['not_found', 'conflict', 'malformed_json', 'validation_failed'],
    },
    OwnCertificatesController_list: {
      id: 'listOwnCertificates', summary: 'List one\'s own client certificates, newest first', query: PageQuery, headers: ['X-Heliograph-Position'],
      answers: { 200: PAGE }, refusals: ['validation_failed', 'invalid_cursor'],
    },
  },
};

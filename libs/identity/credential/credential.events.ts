import type { Role } from '../principal.js';

/**
 * What happens to one credential, in the stream `credential-{id}`. The id of a token is the one in its text, that of a
 * certificate its serial, so that whoever presents it names the stream.
 *
 * These names and shapes are on disk for ever: a change is a new version, with an upcast and a golden sample.
 */
export interface CredentialEvents {
  /** An API token was handed out. Its text was shown once; what is kept here cannot be turned back into it. */
  ApiTokenIssued: {
    /** whose things it makes and sees */
    owner: string;
    /** what it may do at most; an owner whose own role is lower can do less */
    role: Role;
    /** SHA-256 of the token's whole text, 64 hexadecimal digits */
    sha256: string;
    /** UTC, ISO 8601 */
    issuedAt: string;
    /** the moment from which it no longer counts (UTC, ISO 8601); null: until it is revoked */
    expiresAt: string | null;
    /** since version 2: how often all of its owner's tokens were ended before; one of an earlier count opens nothing. 0 where the owner is no account */
    epoch: number;
    /** since version 2: the sign-in that handed it out (`ses_…`), and with whose end it ends; null: it stands for itself */
    session: string | null;
  };
  /** An API key was handed out (S5). Its text was shown once; what is kept here cannot be turned back into it. It dies with the account that made it. */
  ApiKeyIssued: {
    /** the account that made it: it never reaches more than that one may */
    owner: string;
    name: string;
    description: string | null;
    /** `resource:action`, or `resource:*` */
    scopes: string[];
    /** the first 15 characters of its text, for lists */
    prefix: string;
    /** HMAC of its whole text under a key outside the log, base64url */
    mac: string;
    issuedAt: string;
    expiresAt: string;
  };
  /** Our own authority signed a client certificate. Its private key was handed out once and is not kept. */
  CertificateIssued: {
    /** whose things it makes and sees */
    owner: string;
    /** what it may do at most; an owner whose own role is lower can do less */
    role: Role;
    /** SHA-256 of the certificate in DER, 64 hexadecimal digits */
    fingerprint256: string;
    /** UTC, ISO 8601 */
    issuedAt: string;
    /** the certificate's own last second (UTC, ISO 8601) */
    expiresAt: string;
  };
  /** From here on the credential opens nothing, whatever kind it is. Never taken back: a new one is issued instead. */
  CredentialRevoked: {
    reason: RevocationReason;
    /** UTC, ISO 8601 */
    revokedAt: string;
  };
}

/**
 * Why a credential ended. `requested`: somebody asked, without saying why · `compromised`: its secret may be known to others ·
 * `replaced`: a newer one took its place · `owner-gone`: its owner was disabled or deleted. Words are added, never changed.
 */
export const REVOCATION_REASONS = ['requested', 'compromised', 'replaced', 'owner-gone'] as const;
export type RevocationReason = (typeof REVOCATION_REASONS)[number];

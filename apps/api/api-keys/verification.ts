import { Refusal } from '#libs/event-sourcing/errors';
import { goodApiKey, type Known } from '#libs/identity/authenticate';
import type { VerifyApiKeyDto } from '#libs/identity/credential/api-keys.dto';
import { mayGrant } from '#libs/identity/credential/granting';
import { holds, isScope, SCOPE_RULE } from '#libs/identity/credential/scope';
import type { KeyUses } from '#libs/identity/keyuse/key-uses';
import { shownId } from './api-key.answer.js';

export interface VerificationPorts {
  known: Known;
  uses: Pick<KeyUses, 'used'>;
  now(): Date;
}

const NOTHING = { id: null, owner: null, name: null, scopes: [], expires_at: null };
/** What a key that was checked for a host application was used for, in its own log. */
const ROUTE = '/api/v1/api-keys/verify';

/** Tells a host application whether somebody's key is good, and for what. */
export class Verification {
  constructor(private readonly ports: VerificationPorts) {}

  /**
   * Never says why a key is not good. A key holds no more than its owner's role does by now.
   * @param address of the host application, as the listener saw it
   */
  async verify({ key, scopes: wanted = [] }: VerifyApiKeyDto, address: string): Promise<Record<string, unknown>> {
    const errors = wanted.flatMap((scope, i) => (isScope(scope) ? [] : [{ field: `scopes[${i}]`, message: SCOPE_RULE }]));
    if (errors.length > 0) throw new Refusal('validation_failed', undefined, errors);
    const { known, uses, now } = this.ports;
    const at = now();
    const good = await goodApiKey(key, known, at.getTime());
    if (!good) return { valid: false, reason: 'invalid_api_key', ...NOTHING, missing_scopes: [] };
    const { id, state, account } = good;
    const scopes = state.scopes.filter((scope) => mayGrant(scope, { role: account.role, scopes: null }));
    const missing = wanted.filter((scope) => !holds(scopes, scope));
    uses.used({ key: id, owner: state.owner, method: 'POST', route: ROUTE, status: missing.length > 0 ? 403 : 200, address, at: at.toISOString() });
    return { valid: missing.length === 0, reason: missing.length > 0 ? 'missing_scope' : null, id: shownId(id), owner: state.owner, name: state.name, scopes, expires_at: state.expiresAt, missing_scopes: missing };
  }
}

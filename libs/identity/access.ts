import { RIGHTS, ROLES, type CredentialKind, type Permission, type Role } from './principal.js';

/** Every kind of credential that can come over HTTP, in the order in which pages list them. */
export const HTTP_KINDS = ['access-token', 'session', 'api-token', 'api-key', 'client-certificate'] as const satisfies readonly CredentialKind[];
export type HttpKind = (typeof HTTP_KINDS)[number];

/** Who may call a route that declares a permission. */
export interface Access {
  roles: readonly Role[];
  /** with which kinds of credential */
  kinds: readonly HttpKind[];
  /** what an API key must carry; null: no key ever opens it */
  scope: string | null;
}

/** What a right comes to; null: everybody may, signed in or not. */
export function accessOf(permission: Permission): Access | null {
  if (permission === 'public') return null;
  const right: { roles: readonly Role[]; credentials?: readonly CredentialKind[] } = RIGHTS[permission];
  const scope = permission.includes(':') && (!right.credentials || right.credentials.includes('api-key')) ? permission : null;
  return { roles: ROLES.filter((role) => right.roles.includes(role)), kinds: HTTP_KINDS.filter((kind) => (kind === 'api-key' ? scope !== null : !right.credentials || right.credentials.includes(kind))), scope };
}

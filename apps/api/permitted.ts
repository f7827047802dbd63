import { Refusal } from '#libs/event-sourcing/errors';
import type { Authenticated } from '#libs/identity/authenticate';
import { holds } from '#libs/identity/credential/scope';
import { RIGHTS, type CredentialKind, type Permission, type Principal, type Role } from '#libs/identity/principal';
import type { CurrentSettings } from '#libs/settings/settings';

/** What a right asks for, in the form in which it is looked up. */
interface Right { permission: Permission; roles: ReadonlySet<Role>; kinds: ReadonlySet<CredentialKind> | null; aboutOneself: boolean }
const RIGHT = new Map<Permission, Right>(Object.entries(RIGHTS).map(([permission, right]: [string, { roles: readonly Role[]; credentials?: readonly CredentialKind[] }]) =>
  [permission as Permission, { permission: permission as Permission, roles: new Set(right.roles), kinds: right.credentials ? new Set(right.credentials) : null, aboutOneself: permission.startsWith('profile:') }]));

/** Checks a declared right for somebody whose credential is good. @throws Refusal forbidden · missing_scope · password_change_required */
export function checkPermitted(permission: Exclude<Permission, 'public'>, { principal, account }: Pick<Authenticated, 'principal' | 'account'>, settings: Pick<CurrentSettings, 'value'>): void {
  const { roles, kinds, aboutOneself } = RIGHT.get(permission)!;
  const { role, scopes, credential } = principal;
  if (kinds && !kinds.has(credential.kind)) throw new Refusal('forbidden', 'This is not for the kind of credential that you show. Sign in with your password.');
  if (scopes && !holds(scopes, permission)) throw new Refusal('missing_scope', `The API key does not have the scope ${permission}.`, undefined, { scope: permission });
  if (!roles.has(role)) throw new Refusal('forbidden');
  if (account?.mustChange && !aboutOneself && (credential.kind === 'session' || settings.value('authentication.force_password_change') === 'everywhere')) throw new Refusal('password_change_required');
}

/** Whether somebody holds a right by role, kind of credential and scopes. */
export function holdsRight(permission: Exclude<Permission, 'public'>, { role, scopes, credential }: Principal): boolean {
  const { roles, kinds } = RIGHT.get(permission)!;
  return roles.has(role) && (kinds === null || kinds.has(credential.kind)) && (scopes === null || holds(scopes, permission));
}

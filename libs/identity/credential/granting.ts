import { RIGHTS, type CredentialKind, type Principal, type Role } from '../principal.js';
import { areaOf, holds } from './scope.js';

interface Right { roles: readonly Role[]; credentials?: readonly CredentialKind[] }

/** Our own rights, in the form of a scope. */
const NAMED: readonly (readonly [scope: string, right: Right])[] = Object.entries(RIGHTS as Record<string, Right>).filter(([scope]) => scope.includes(':'));
/** Those that an API key can have. What a key never opens (one's own profile, others' accounts) is none of them. */
const OURS = NAMED.filter(([, right]) => !right.credentials || right.credentials.includes('api-key'));
const AREAS: ReadonlySet<string> = new Set(Object.keys(RIGHTS).map(areaOf));
/** Who may have something done in a host application's name: S5's keys belong to administrators and operators. */
const OF_HOSTS: readonly Role[] = ['operator', 'admin'];

/** Of these rights, those that a scope holds. */
const held = (scope: string, of: typeof NAMED): readonly Right[] => of.filter(([ours]) => holds([scope], ours)).map(([, right]) => right);

/** Whether anything is called so: ours, or of a host application by the setting's list (`area:action`; `area:*` stands for all of an area). */
export function isKnownScope(scope: string, hosts: readonly string[]): boolean {
  if (held(scope, OURS).length > 0) return true;
  return holds(hosts, scope) || (scope.endsWith(':*') && !isClosed(scope) && hosts.some((host) => areaOf(host) === areaOf(scope)));
}
/** An area of ours in which a key has no rights at all. */
const isClosed = (scope: string): boolean => AREAS.has(areaOf(scope)) && !OURS.some(([ours]) => areaOf(ours) === areaOf(scope));

/** Whether somebody holds a scope himself: his role may do all that it names, and so may the scopes that his own credential is limited to. */
export function mayGrant(scope: string, { role, scopes }: Pick<Principal, 'role' | 'scopes'>): boolean {
  if (scopes && !holds(scopes, scope)) return false;
  const rights = held(scope, NAMED);
  // a word of a host's in an area of ours (S5's `admin:write`) is for those who may do all in that area
  const asked = rights.length > 0 ? rights : OURS.filter(([ours]) => areaOf(ours) === areaOf(scope)).map(([, right]) => right);
  return asked.length > 0 ? asked.every((right) => right.roles.includes(role)) : OF_HOSTS.includes(role) && (areaOf(scope) !== 'admin' || role === 'admin');
}

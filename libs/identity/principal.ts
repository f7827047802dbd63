export const ROLES = ['user', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Every way to be somebody. `local`: whoever may open the control socket or the folder. */
export const CREDENTIAL_KINDS = ['access-token', 'session', 'api-token', 'api-key', 'client-certificate', 'local'] as const;
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number];

/** Who a request acts as. Every kind of credential becomes one of these, in one place (the guard). */
export interface Principal {
  /** whose things it makes and sees: an account's id, or the name of an owner without an account */
  owner: string;
  role: Role;
  /** what the credential is limited to, `resource:action` or `resource:*`; null: to nothing but its role */
  scopes: readonly string[] | null;
  credential: { kind: CredentialKind; id: string };
}

/** How a principal is recorded in events. */
export const principalName = (p: Principal): string => `${p.credential.kind}:${p.credential.id}`;

/** With a scope that opens one of these a key would open all: it makes an administrator, or whoever signs in as one. */
const ALL_BUT_KEYS = ['access-token', 'session', 'api-token', 'client-certificate'] as const;

/**
 * A right that a route declares, in the form of an API key's scope; `public` needs none. Who may do it, and with which
 * kinds of credential: a program's key never changes a password.
 */
export const RIGHTS = {
  'messages:send': { roles: ['user', 'operator', 'admin'] },
  'messages:read': { roles: ['user', 'operator', 'admin'] },
  /** to open the WebSocket. No cookie does: a browser sends it along whoever asks */
  'live:read': { roles: ['user', 'operator', 'admin'], credentials: ['access-token', 'api-token', 'api-key', 'client-certificate'] },
  /** one's own account: who am I, profile, password, sign-ins, sessions */
  'profile:read': { roles: ['user', 'operator', 'admin'], credentials: ['access-token', 'session', 'api-token'] },
  'profile:write': { roles: ['user', 'operator', 'admin'], credentials: ['access-token', 'session', 'api-token'] },
  /** the names of the others (S4) */
  'users:read': { roles: ['user', 'operator', 'admin'] },
  'users:manage': { roles: ['admin'], credentials: ALL_BUT_KEYS },
  'apikeys:read': { roles: ['operator', 'admin'] },
  'apikeys:write': { roles: ['operator', 'admin'] },
  /** a host application asks whether somebody's key is good */
  'apikeys:verify': { roles: ['operator', 'admin'] },
  'certificates:read': { roles: ['admin'] },
  'certificates:write': { roles: ['admin'], credentials: ALL_BUT_KEYS },
  'settings:read': { roles: ['admin'] },
  'settings:write': { roles: ['admin'], credentials: ALL_BUT_KEYS },
  'admin:read': { roles: ['admin'] },
  /** metrics and the description of the API, from elsewhere than the operator's networks */
  operations: { roles: ['admin'] },
} as const satisfies Record<string, { roles: readonly Role[]; credentials?: readonly CredentialKind[] }>;
export type Permission = 'public' | keyof typeof RIGHTS;

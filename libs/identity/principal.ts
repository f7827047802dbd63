export const ROLES = ['user', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Who a request acts as. Every kind of credential becomes one of these, in one place (the guard). */
export interface Principal {
  /** whose things it makes and sees */
  owner: string;
  role: Role;
  credential: { kind: 'api-token' | 'client-certificate' | 'local'; id: string };
}

/** How a principal is recorded in events. */
export const principalName = (p: Principal): string => `${p.credential.kind}:${p.credential.id}`;

/** A right that a route declares; `public` needs none. */
export type Permission = 'public' | 'messages:send' | 'messages:read' | 'operations';

/** Which roles hold which right. */
export const RIGHTS: Record<Exclude<Permission, 'public'>, readonly Role[]> = {
  'messages:send': ['user', 'operator', 'admin'],
  'messages:read': ['user', 'operator', 'admin'],
  operations: ['admin'],
};

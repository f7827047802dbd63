import { accessOf, HTTP_KINDS, type HttpKind } from '#libs/identity/access';
import { RIGHTS, type Permission } from '#libs/identity/principal';
import { openApiDocument } from './openapi.js';

const WORDS: Record<HttpKind, string> = {
  'access-token': 'access token', session: 'session cookie', 'api-token': 'API token', 'api-key': 'API key', 'client-certificate': 'client certificate',
};

/** A route of the API and the permission that it declares. */
export interface PermittedRoute { method: string; path: string; permission: Permission; summary: string }

/** Every route of the API, by path and method. */
export async function permittedRoutes(): Promise<PermittedRoute[]> {
  const { paths } = await openApiDocument();
  return Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) =>
    ({ method: method.toUpperCase(), path, permission: ((operation as unknown as Record<string, unknown>)['x-permission'] as Permission | undefined) ?? 'public', summary: operation.summary ?? '' })))
    .sort((a, b) => (`${a.path} ${a.method}` < `${b.path} ${b.method}` ? -1 : 1));
}

const kindsIn = (kinds: readonly HttpKind[]): string => (kinds.length === HTTP_KINDS.length ? 'any' : kinds.map((kind) => WORDS[kind]).join(', '));

function row({ method, path, permission, summary }: PermittedRoute): string {
  const access = accessOf(permission);
  const who = permission === 'operations' ? '**everybody** from `security.operations_networks`; admin | any but an API key | never' : access === null ? '**everybody**, signed in or not | – | –' : `${access.roles.join(', ')} | ${kindsIn(access.kinds)} | ${access.scope === null ? 'never' : `\`${access.scope}\``}`;
  return `| \`${method}\` | \`${path}\` | ${who} | ${summary} |`;
}

/** docs/permissions.md: every route with who may call it. */
export async function permissionsPage(): Promise<string> {
  const scopes = (Object.keys(RIGHTS) as Permission[]).flatMap((permission) => { const access = accessOf(permission); return access?.scope ? [`| \`${access.scope}\` | ${access.roles.join(', ')} |`] : []; });
  return `# Who may call what

<!-- Made from what the routes declare by \`npm run docs\`: change it there. -->

Every route declares one right ([principal.ts](../libs/identity/principal.ts)); one that declares none does not start. The guard asks, in this order: may this address ask at all (settings \`security.ip_allow\`, \`security.ip_deny\`);
who is it; may this kind of credential; does an API key carry the scope; does the role have the right. What is asked of somebody who is nobody is answered 401, of somebody who may not 403, and somebody else's thing is not there: 404.

- A **role** is that of the credential or that of its account, whichever is lower.
- An **API key** also needs the scope, or \`area:*\`, and never does more than the account that made it.
- With a **session cookie**, what changes something is refused (403) when the browser says that another site asks. Beside another credential a cookie is passed over; two of the others are one too many (400).
- The **WebSocket** (\`/ws\`) takes the same credentials but the cookie, which is nobody there (401), and a token also as \`?token=\`. What opened it is asked again once a second and at every frame; who may see which frame: [live.md](guides/live.md).
- **Owners** see their own things, administrators everybody's.

| method | path | roles | with | scope of an API key | what |
|---|---|---|---|---|---|
${(await permittedRoutes()).map(row).join('\n')}

## Scopes

Beside these, the setting \`security.api_scopes\` lists those of host applications. Whoever makes a key needs the role that stands beside each scope, and of a host's scopes that of operator.

| scope | roles |
|---|---|
${scopes.join('\n')}
`;
}

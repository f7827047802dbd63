// Every page that is made from code: where it lies and how it is made. `npm run docs` writes them, `npm run check` compares them.
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const from = (module) => import(pathToFileURL(`${ROOT}dist/${module}.js`));

const errorsPage = ({ ERRORS }) => `# Errors

<!-- Made from libs/event-sourcing/error-codes.ts by \`npm run docs\`: change it there. -->

Every surface answers errors as \`application/problem+json\` (RFC 9457): \`type\`, \`title\`, \`status\`, \`detail\`, \`instance\`, and \`errors: [{field, message}]\`
where single values are wrong. \`type\` ends in the code. A code, once released, keeps its meaning.

| code | status | title | what to do |
|---|---|---|---|
${Object.entries(ERRORS).map(([code, [status, title, detail]]) => `| \`${code}\` | ${status} | ${title} | ${detail} |`).join('\n')}
`;

export const PAGES = [
  { path: 'docs/configuration.md', make: async () => (await from('libs/platform/configuration/configuration-page')).configurationPage() },
  { path: '.env.example', make: async () => (await from('libs/platform/configuration/configuration-page')).envExample() },
  { path: 'docs/settings.md', make: async () => (await from('libs/settings/settings-page')).settingsPage() },
  { path: 'docs/errors.md', make: async () => errorsPage(await from('libs/event-sourcing/error-codes')) },
  { path: 'docs/cli.md', make: async () => (await from('apps/cli/manual-page')).cliPage() },
  { path: 'docs/permissions.md', make: async () => (await from('apps/api/permissions-page')).permissionsPage() },
  // the API writes its own document, once it has one
  ...(existsSync(`${ROOT}apps/api/openapi.ts`)
    ? [{ path: 'docs/openapi.json', make: async () => `${JSON.stringify(await (await from('apps/api/openapi')).openApiDocument(), null, 2)}\n` }]
    : []),
].map((page) => ({ ...page, file: `${ROOT}${page.path}` }));

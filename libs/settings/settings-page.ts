import { SETTINGS as CONFIGURATION, type Setting as Variable } from '#libs/platform/configuration/settings';
import { CATEGORIES, isSecret, namesIn, partsOf, settingOf, type AnyName } from './table.js';

const variables = CONFIGURATION as Record<string, Variable<unknown>>;

/** The default as the page shows it: the environment's variable goes before the table's own. */
function shownDefault(name: AnyName): string {
  const { fallback, from } = settingOf(name);
  if (from !== undefined) return `\`${variables[from]!.name}\``;
  if (fallback === null) return isSecret(name) ? 'not set' : 'none';
  if (Array.isArray(fallback)) return (fallback as string[]).map((item) => `\`${item}\``).join(', ') || 'none';
  return `\`${String(fallback as string | number | boolean)}\``;
}

const row = (name: AnyName): string => {
  const { form, meaning, confirmation } = settingOf(name);
  return `| \`${partsOf(name)[1]}\` | ${shownDefault(name)} | ${form.allowed}${isSecret(name) ? '; a secret' : ''} | ${meaning}${confirmation ? ' Needs a confirmation where ' + confirmation.because + '.' : ''} |`;
};

/** docs/settings.md, from the table. */
export const settingsPage = (): string => `# Settings

<!-- Made from libs/settings/table.ts by \`npm run docs\`: change it there. -->

What administrators change while Heliograph runs: \`GET\` and \`PUT /api/v1/settings\`, or \`npx heliograph settings set\`. A change counts in every process within a second and
stands in the audit log. A default in capitals is a variable of the environment ([configuration](configuration.md)). The guide [Settings](guides/settings.md) tells the rest.

${CATEGORIES.map((category) => `## ${category}
| setting | default | allowed | meaning |
|---|---|---|---|
${namesIn(category).map(row).join('\n')}
`).join('\n')}`;

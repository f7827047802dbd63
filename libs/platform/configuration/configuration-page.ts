import { SETTINGS, type Setting } from './settings.js';

const rows = Object.values(SETTINGS as Record<string, Setting<unknown>>);

/** docs/configuration.md, from the table. */
export const configurationPage = (): string => `# Configuration

<!-- Made from libs/platform/configuration/settings.ts by \`npm run docs\`: change it there. -->

Settings come from the environment, or from a file \`.env\` in the folder that the program is started in (\`.env.example\` is a start);
a variable of the environment goes before the file. They are read once, at start. A wrong value ends the start with exit code 78, and all wrong ones are named
at once, each with its allowed form. An empty variable counts as not there. Those of rate limits and of the two gateways are defaults only: what administrators set
while it runs ([settings](settings.md)) goes before them.

| setting | default | allowed form | meaning |
|---|---|---|---|
${rows.map((s) => `| \`${s.name}\` | ${s.fallback === null ? s.shown : `\`${s.shown}\``} | ${s.form.form} | ${s.meaning} |`).join('\n')}
`;

/** .env.example: every setting with its default, commented out. */
export const envExample = (): string => `# Settings of Heliograph, with their defaults. Copy to .env and change what you need.
# Made from libs/platform/configuration/settings.ts by \`npm run docs\`.

${rows.map((s) => `# ${s.meaning}\n# Allowed: ${s.form.form}.${s.fallback === null ? ` Default: ${s.shown}.` : ''}\n#${s.name}=${s.fallback ?? ''}`).join('\n\n')}
`;

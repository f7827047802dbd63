import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { settingsPage } from './settings-page.js';
import { NAMES, partsOf } from './table.js';

it('docs/settings.md is the page that the table makes, with every setting (npm run docs mends it)', () => {
  const page = settingsPage();
  expect(readFileSync('docs/settings.md', 'utf8')).toBe(page);
  for (const name of NAMES) expect(page).toContain(`| \`${partsOf(name)[1]}\` |`);
});

// `npm run docs`: writes the pages that are made from code, and records new golden samples.
import { readFileSync, writeFileSync, existsSync } from 'node:fs';
import { build } from '../build.mjs';
import { recordGolden } from '../check/golden.mjs';
import { PAGES } from './pages.mjs';

await build();
for (const { path, file, make } of PAGES) {
  const text = await make();
  const same = existsSync(file) && readFileSync(file, 'utf8') === text;
  if (!same) writeFileSync(file, text);
  console.log(`${same ? 'as it was' : 'written  '}  ${path}`);
}
console.log(`${await recordGolden()} new golden samples recorded`);
process.exit(0);

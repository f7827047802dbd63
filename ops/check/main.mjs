// `npm run check`: everything that a machine can hold, besides the tests. Each failure prints the command that mends it.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from '../build.mjs';
import { PAGES } from '../docs/pages.mjs';
import { checkGolden } from './golden.mjs';
import { checkOutbound } from './outbound.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ROOMS = ['apps', 'libs', 'projections', 'test'].filter((room) => existsSync(ROOT + room));

/** Runs a program of node_modules on this Node; its output, or nothing when it agrees. */
const program = (file, ...args) => {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [`${ROOT}node_modules/${file}`, ...args], { cwd: ROOT, encoding: 'utf8' });
  return status === 0 ? [] : [`${stdout}${stderr}${error ?? ''}`.trim()];
};
const drift = async ({ path, file, make }) => {
  if (!existsSync(file)) return [`${path} is missing`];
  return readFileSync(file, 'utf8') === (await make()) ? [] : [`${path} is not what the code says`];
};

const CHECKS = [
  { name: 'build', mend: 'mend what does not compile', run: async () => { await build(); return []; } },
  { name: 'types', mend: 'npx tsc -p .', run: () => program('@typescript/native/bin/tsc', '-p', '.', '--pretty', 'false') },
  { name: 'lint', mend: 'npx oxlint --type-aware --fix', run: () => program('oxlint/bin/oxlint', '--type-aware', '--deny-warnings', '--format', 'unix', ...ROOMS, 'ops') },
  { name: 'who may know whom', mend: 'see docs/architecture.md, "Who may know whom", and .dependency-cruiser.cjs',
    run: () => program('dependency-cruiser/bin/dependency-cruise.mjs', ...ROOMS, '--config', '.dependency-cruiser.cjs') },
  { name: 'outbound connections', mend: 'call through libs/platform/egress', run: checkOutbound },
  { name: 'golden events', mend: 'see above', run: checkGolden },
  ...PAGES.map((page) => ({ name: page.path, mend: 'npm run docs', run: () => drift(page) })),
];

let failed = 0;
for (const { name, mend, run } of CHECKS) {
  const began = performance.now();
  const problems = await Promise.resolve().then(run).catch((error) => [error.message]);
  console.log(`${problems.length ? 'FAILED' : 'ok    '}  ${name} (${Math.round(performance.now() - began)} ms)`);
  if (problems.length === 0) continue;
  failed++;
  console.log(`${problems.join('\n').replace(/^/gm, '    ')}\n    → ${mend}`);
}
console.log(failed ? `\n${failed} of ${CHECKS.length} checks failed` : `\nall ${CHECKS.length} checks hold`);
process.exit(failed ? 1 : 0);

// Compiles apps, libs, projections, test/bench and the test server for EventStoreDB into dist/, each file by itself with swc: only what is newer than its output,
// so that `npm start` can ask each time. Also `import { build } from './build.mjs'`. `--force` compiles everything.
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, copyFileSync, writeFileSync, rmdirSync, renameSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const ROOMS = ['apps', 'libs', 'projections', 'test/bench', 'test/engines/eventstoredb-server'];
const ASSET = /\.(json|html|css|svg|js)$/;
const SKIP = /\.(spec|d)\.ts$/;

const filesOf = (folder) => {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
};
const timeOf = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** What is to be done: outputs older than their sources or than what shapes them all, and outputs without a source. */
function plan(force) {
  const shaped = Math.max(...['.swcrc', 'package-lock.json', 'ops/build.mjs'].map((f) => timeOf(join(ROOT, f))));
  const wanted = new Map();
  for (const source of ROOMS.flatMap((room) => filesOf(join(ROOT, room)))) {
    const code = source.endsWith('.ts') && !SKIP.test(source);
    if (code || ASSET.test(source)) wanted.set(join(DIST, relative(ROOT, source)).replace(/\.ts$/, '.js'), source);
  }
  const stale = [...wanted].filter(([out, source]) => force || timeOf(out) < Math.max(timeOf(source), shaped));
  const orphans = filesOf(DIST).filter((out) => !out.endsWith('.new') && !wanted.has(out.replace(/\.map$/, '')));
  return { stale, orphans };
}

/** Whole or not at all: another process may be starting from dist/ at this moment. */
function put(file, text) {
  const aside = `${file}.${process.pid}.new`;
  writeFileSync(aside, text);
  renameSync(aside, file);
}

/** Brings dist/ up to date; answers how many files it wrote and removed. Throws what does not compile, by file. */
export async function build({ force = false } = {}) {
  const { stale, orphans } = plan(force);
  for (const out of orphans) {
    rmSync(out);
    try { rmdirSync(dirname(out)); } catch { /* other files are still in it */ }
  }
  if (stale.length > 0) {
    const { transform } = await import('@swc/core');
    const { $schema: _, ...swc } = JSON.parse(readFileSync(join(ROOT, '.swcrc'), 'utf8'));
    const results = await Promise.allSettled(stale.map(([out, source]) => compile(out, source, transform, swc)));
    const failures = results.filter((r) => r.status === 'rejected').map((r) => r.reason);
    if (failures.length > 0) throw new AggregateError(failures, failures.map((f) => f.message).join('\n'));
  }
  return { written: stale.length, removed: orphans.length };
}

async function compile(out, source, transform, swc) {
  mkdirSync(dirname(out), { recursive: true });
  if (!source.endsWith('.ts')) return copyFileSync(source, out);
  const name = relative(ROOT, source);
  try {
    const { code, map } = await transform(readFileSync(source, 'utf8'), {
      ...swc, swcrc: false, filename: source, sourceFileName: relative(dirname(out), source),
    });
    put(`${out}.map`, map);
    put(out, `${code}\n//# sourceMappingURL=${basename(out)}.map\n`);
  } catch (error) {
    throw new Error(`${name}: ${error.message}`, { cause: error });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const began = performance.now();
  const { written, removed } = await build({ force: process.argv.includes('--force') });
  console.log(`built ${written} files, removed ${removed}, in ${Math.round(performance.now() - began)} ms`);
}

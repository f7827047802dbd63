// A server that speaks MongoDB's wire protocol: FerretDB with its SQLite backend, a Go module, built once (main.go).
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { accepts, launch } from '../process.mjs';

const SOURCES = ['main.go', 'go.mod', 'go.sum'].map((name) => join(import.meta.dirname, name));
const BUILD_MS = 20 * 60_000;

/** One per state of the sources: a changed one is built beside it. */
function programIn(cache) {
  const hash = createHash('sha256');
  for (const file of SOURCES) hash.update(readFileSync(file));
  return join(cache, `ferretdb-${hash.digest('hex').slice(0, 12)}`);
}

export default {
  name: 'mongodb',
  variable: 'MONGODB_URL',

  missing(cache) {
    if (existsSync(programIn(cache))) return null;
    if (spawnSync('go', ['version']).status !== 0) return 'FerretDB is built with Go 1.24 or newer, which is not here: install it (golang-go, or go.dev/dl), or set MONGODB_URL to a server of your own.';
    return 'FerretDB is not built yet: `ops/engines/install mongodb` builds it.';
  },

  async install(cache, say) {
    if (spawnSync('go', ['version']).status !== 0) return;
    say('mongodb: building FerretDB, some minutes the first time');
    const program = programIn(cache);
    const aside = `${program}.${process.pid}`;
    await promisify(execFile)('go', ['build', '-trimpath', '-buildvcs=false', '-o', aside, '.'], { cwd: import.meta.dirname, timeout: BUILD_MS, maxBuffer: 1 << 26 });
    renameSync(aside, program);
  },

  async up({ cache, folder, port }) {
    const data = join(folder, 'data');
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const pid = await launch({ command: programIn(cache), args: [`127.0.0.1:${port}`, data], folder, answers: () => accepts(port) });
    return { url: `mongodb://127.0.0.1:${port}`, pid };
  },
};

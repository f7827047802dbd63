// A server that speaks MongoDB's wire protocol: FerretDB with its SQLite backend, a Go module, built once (main.go).
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { accepts, launch } from '../process.mjs';

const SOURCES = ['main.go', 'one_write_at_a_time.go', 'go.mod', 'go.sum', 'server.mjs'].map((name) => join(import.meta.dirname, name));
const BUILD_MS = 20 * 60_000;
const MODULE = 'github.com/FerretDB/FerretDB';
const go = (cwd, ...args) => promisify(execFile)('go', args, { cwd, timeout: BUILD_MS, maxBuffer: 1 << 26 });

/**
 * What FerretDB has an index for and does not use: look-ups by id read the whole table, first because it asks for `->'$._id'`
 * where the index is on `->"_id"`, then wherever anything else is asked for beside the id, or several ids are (`$in`). It filters what it read once more.
 */
const MENDED = [
  ['internal/backends/sqlite/metadata/metadata.go', `IDColumn = DefaultColumn + "->'$._id'"`, 'IDColumn = DefaultColumn + "->\\"_id\\""'],
  ['internal/backends/sqlite/collection.go', 'params.Filter.Len() == 1', 'params.Filter.Len() > 0'],
  ['internal/backends/sqlite/collection.go', `			args = []any{string(must.NotFail(sjson.MarshalSingleValue(v)))}
		}
	}

	q += whereClause
`, `			args = []any{string(must.NotFail(sjson.MarshalSingleValue(v)))}
		case *types.Document:
			if in, _ := v.Get("$in"); v.Len() == 1 && in != nil {
				if ids, ok := in.(*types.Array); ok && ids.Len() > 0 {
					for i := 0; i < ids.Len(); i++ {
						id := must.NotFail(ids.Get(i))
						if _, ok := id.(string); !ok {
							break
						}
						args = append(args, string(must.NotFail(sjson.MarshalSingleValue(id))))
					}
					if len(args) == ids.Len() {
						whereClause = fmt.Sprintf(\` WHERE %s IN (?%s)\`, metadata.IDColumn, strings.Repeat(", ?", len(args)-1))
					} else {
						args = nil // of another type: looked for as before
					}
				}
			}
		}
	}

	q += whereClause
`],
  ['internal/backends/sqlite/collection.go', '		v, _ := params.Filter.Get("_id")\n		switch v.(type) {', '		v, _ := params.Filter.Get("_id")\n		switch v := v.(type) {'],
];

function mendLookUpById(folder) {
  for (const [path, was, is] of MENDED) {
    const file = join(folder, 'vendor', MODULE, path);
    const text = readFileSync(file, 'utf8');
    if (!text.includes(was)) throw new Error(`mongodb: ${MODULE} is not as expected: look again whether its look-up by id needs mending`);
    writeFileSync(file, text.replaceAll(was, () => is));
  }
}

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
    const folder = mkdtempSync(join(cache, 'build-'));
    for (const file of SOURCES) copyFileSync(file, join(folder, basename(file)));
    await go(folder, 'mod', 'vendor');
    mendLookUpById(folder);
    await go(folder, 'build', '-mod=vendor', '-trimpath', '-buildvcs=false', '-o', 'ferretdb', '.');
    renameSync(join(folder, 'ferretdb'), program);
    for (const name of readdirSync(cache)) if (join(cache, name) !== program) rmSync(join(cache, name), { recursive: true, force: true });
  },

  async up({ cache, folder, port }) {
    const data = join(folder, 'data');
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const pid = await launch({ command: programIn(cache), args: [`127.0.0.1:${port}`, data], folder, answers: () => accepts(port) });
    return { url: `mongodb://127.0.0.1:${port}`, pid };
  },
};

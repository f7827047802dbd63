// What is on disk keeps its shape: every event type and version has a sample (`*.samples.ts` beside `*.events.ts`), and the sample, once
// recorded in test/golden/events.json, never changes. `npm run docs` records new ones; it never alters a recorded one.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FILE = join(ROOT, 'test/golden/events.json');

/** JSON with the names in order, so that the order in which a sample is written does not matter. */
const canonical = (value) => JSON.stringify(value, (_key, v) =>
  v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))) : v);

const isSample = (s) => s !== null && typeof s === 'object' && 'data' in s;

/** The samples that a module exports, `{Type: sample | [sample per version]}` or `[{type, version, data}]`, as `[type, version, data]`. */
const samplesIn = (module) => Object.values(module).flatMap((exported) => {
  if (Array.isArray(exported)) return exported.filter((s) => isSample(s) && s.type).map((s) => [s.type, s.version ?? 1, s.data]);
  if (exported === null || typeof exported !== 'object') return [];
  return Object.entries(exported).flatMap(([type, one]) => [one].flat().filter(isSample).map((s, i) => [type, s.version ?? i + 1, s.data]));
});

async function fingerprints() {
  const found = {};
  for (const entry of readdirSync(join(ROOT, 'dist/libs'), { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.samples.js')) continue;
    for (const [type, version, data] of samplesIn(await import(pathToFileURL(join(entry.parentPath, entry.name))))) {
      found[`${type}@${version}`] = createHash('sha256').update(canonical(data)).digest('hex').slice(0, 32);
    }
  }
  return found;
}
const recorded = () => (existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {});

/** What is wrong, as a list; needs dist/ up to date. */
export async function checkGolden() {
  const [now, then] = [await fingerprints(), recorded()];
  return [
    ...Object.keys(now).filter((key) => !(key in then)).map((key) => `${key} has a sample that is not recorded yet (npm run docs)`),
    ...Object.keys(then).filter((key) => !(key in now)).map((key) => `${key} is stored somewhere and has lost its sample: put it back`),
    ...Object.keys(then).filter((key) => key in now && now[key] !== then[key])
      .map((key) => `${key} has changed: what is stored keeps its shape. Put the sample back, and give the new shape a new version with an upcast`),
  ];
}

/** Records what is new; answers how many. */
export async function recordGolden() {
  const then = recorded();
  const fresh = Object.entries(await fingerprints()).filter(([key]) => !(key in then));
  const all = Object.fromEntries([...Object.entries(then), ...fresh].sort(([a], [b]) => (a < b ? -1 : 1)));
  mkdirSync(dirname(FILE), { recursive: true });
  if (fresh.length > 0) writeFileSync(FILE, `${JSON.stringify(all, null, 2)}\n`);
  return fresh.length;
}

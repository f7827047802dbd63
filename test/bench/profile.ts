import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

/** `libs/…`, `node_modules/x/…`, `node:…`; what has no address is V8 or the system. */
const placeOf = (url: string): string => url.replace(/^.*\/dist\//, '').replace(/^.*\/node_modules\//, '') || '(native)';

/** Milliseconds that each function took by itself, dearest first; what was idle is left out. */
export function selfTimes({ nodes, samples, timeDeltas }: Profile): [name: string, ms: number][] {
  const names = new Map(nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [id, `${functionName || '(anonymous)'}  ${placeOf(url)}${url ? `:${lineNumber + 1}` : ''}`]));
  const times = new Map<string, number>();
  samples.forEach((id, i) => {
    const name = names.get(id)!;
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[i] ?? 0) / 1000);
  });
  return [...times].filter(([name]) => !/^\((idle|root)\)/.test(name)).sort((a, b) => b[1] - a[1]);
}

/** Where the time of each profiled process and thread went, as text. */
export function hottest(folder: string, most = 25): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.cpuprofile')).sort();
  return files.map((name) => {
    const times = selfTimes(JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile);
    const total = times.reduce((sum, [, ms]) => sum + ms, 0);
    return [`\n${name}: busy ${Math.round(total)} ms`, ...times.slice(0, most).map(([what, ms]) => `  ${((100 * ms) / total).toFixed(1).padStart(5)} %  ${what}`), ''].join('\n');
  }).join('');
}

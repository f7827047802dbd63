import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  /** microseconds before each sample */
  timeDeltas: number[];
}
type Frame = Profile['nodes'][number]['callFrame'];

/** `libs/…`, `fastify/…`, `node:…`; what has no address is V8's or the system's. */
const fileOf = ({ url, functionName }: Frame): string => url.replace(/^.*\/node_modules\/|^.*?\/dist\//, '') || (functionName.startsWith('(') ? functionName : '(native)');
/** `libs/event-sourcing/sealing`, `node:internal/crypto`, `@nestjs/core`, `fastify`. */
const roomOf = (frame: Frame): string => {
  const parts = fileOf(frame).split('/');
  const deep = /^(apps|libs|projections)$/.test(parts[0]!) ? 3 : /^(@|node:internal)/.test(parts[0]!) ? 2 : 1;
  return parts.slice(0, Math.max(1, Math.min(deep, parts.length - 1))).join('/');
};
const functionOf = (frame: Frame): string => `${frame.functionName || '(anonymous)'}  ${fileOf(frame)}${frame.url ? `:${frame.lineNumber + 1}` : ''}`;

/** Milliseconds that the frames took by themselves, by a name that each is given, dearest first. */
export function selfTimes({ nodes, samples, timeDeltas }: Profile, nameOf: (frame: Frame) => string): [name: string, ms: number][] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  samples.forEach((id, i) => {
    const name = names.get(id)!;
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[i] ?? 0) / 1000);
  });
  return [...times].sort((a, b) => b[1] - a[1]);
}

const IDLE = /^\((idle|root)\)/;

/** Where the time of each profiled process and thread went, as text. */
export function hottest(folder: string, most = 20): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.cpuprofile')).sort();
  return files.map((name) => {
    const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile;
    const all = selfTimes(profile, roomOf);
    const sum = (times: [string, number][]): number => times.reduce((total, [, ms]) => total + ms, 0);
    const busy = sum(all.filter(([room]) => !IDLE.test(room)));
    const lines = (times: [string, number][]): string[] => times.filter(([what]) => !IDLE.test(what)).slice(0, most).map(([what, ms]) => `  ${((100 * ms) / busy).toFixed(1).padStart(5)} %  ${what}`);
    return [`\n${name}: busy ${Math.round(busy)} of ${Math.round(sum(all))} ms`, ...lines(all), '  by function', ...lines(selfTimes(profile, functionOf)), ''].join('\n');
  }).join('');
}

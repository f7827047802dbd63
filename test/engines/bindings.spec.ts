import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const engines = readdirSync(join(root, 'libs/engines'), { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name);
const contracts: Record<string, string> = {
  EventStore: 'eventStoreContract', Keys: 'keysContract', ReadModels: 'readModelsContract', WorkQueue: 'workQueueContract', Shared: 'sharedContract',
};
/** At test/engines, or in its folder of those that need a server. */
const bindingOf = (engine: string): string => {
  const file = ['.', 'cluster'].map((folder) => join(root, 'test/engines', folder, `${engine}.spec.ts`)).find((f) => existsSync(f));
  if (!file) throw new Error(`no binding: neither test/engines/${engine}.spec.ts nor test/engines/cluster/${engine}.spec.ts`);
  return readFileSync(file, 'utf8');
};
const sourcesOf = (engine: string): string =>
  readdirSync(join(root, 'libs/engines', engine), { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith('.ts') && !f.endsWith('.spec.ts'))
    .map((f) => readFileSync(join(root, 'libs/engines', engine, f), 'utf8')).join('\n');

describe('every engine is bound to the contract of every port that it implements', () => {
  it('finds the engines', () => {
    expect(engines).toEqual(expect.arrayContaining(['embedded', 'fault']));
  });

  it.each(engines)('%s', (engine) => {
    const bound = bindingOf(engine);
    const implemented = Object.keys(contracts).filter((port) => new RegExp(`implements [^{]*\\b${port}\\b`).test(sourcesOf(engine)));
    expect(implemented.length).toBeGreaterThan(0);
    for (const port of implemented) expect(bound).toMatch(new RegExp(`^${contracts[port]!}\\('${engine}`, 'm'));
  });
});

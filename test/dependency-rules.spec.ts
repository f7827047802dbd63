/** The rules of .dependency-cruiser.cjs find what they are for: one small tree that breaks each of them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const TREE: Record<string, string> = {
  'apps/worker/worker.ts': `export const send = 1;`,
  'apps/cli/main.ts': `import './relay.js';`,
  'apps/cli/relay.ts': `import '../worker/worker.js';`,
  'libs/event-sourcing/kernel.ts': `import '#libs/platform/egress/egress';`,
  'libs/event-sourcing/errors.ts': `export const no = 1;`,
  'libs/platform/egress/egress.ts': `import 'undici';`,
  'libs/platform/limits.ts': `import '#libs/messaging/message/message.decider';`,
  'libs/engines/embedded/store.ts': `import '#libs/platform/egress/egress'; import 'node:sqlite';`,
  'libs/messaging/message/message.events.ts': `export type E = 1;`,
  'libs/messaging/message/message.decider.ts': `import 'node:crypto'; import '#libs/audience/contact.decider';`,
  'libs/messaging/message/message.spec.ts': `import 'node:crypto';`,
  'libs/messaging/message/store.ts': `import '#libs/engines/embedded/store'; import '#projections/log/log.reader'; import './message.spec.js';`,
  'libs/messaging/a.ts': `import './b.js';`,
  'libs/messaging/b.ts': `import './a.js';`,
  'libs/messaging/lost.ts': `import './nowhere.js';`,
  'libs/audience/contact.decider.ts': `import '#libs/event-sourcing/errors';`,
  'libs/audience/contact.reaction.ts': `import '#libs/messaging/message/message.events';`,
  'projections/log/log.projection.ts': `import '#libs/messaging/message/message.events'; import '#libs/audience/contact.decider';`,
  'projections/log/log.reader.ts': `import 'mongodb'; import 'undici'; import '#apps/worker/worker'; import '#libs/engines/embedded/store';`,
};

let violations: string[];
let root: string;

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'rules-')));
  for (const name of ['package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) copyFileSync(name, join(root, name));
  symlinkSync(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
  for (const [name, text] of Object.entries(TREE)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  const { stdout, stderr } = spawnSync(process.execPath, [join(process.cwd(), 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'), 'apps', 'libs', 'projections',
    '--config', '.dependency-cruiser.cjs', '--output-type', 'json'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (!stdout.startsWith('{')) throw new Error(stderr);
  const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string }; from: string }[] } };
  violations = [...new Set(summary.violations.map((v) => `${v.rule.name}: ${v.from}`))];
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('who may know whom', () => {
  it.each([
    'no-circles: libs/messaging/a.ts',
    'decisions-are-pure: libs/messaging/message/message.decider.ts',
    'kernel-knows-nobody: libs/event-sourcing/kernel.ts',
    'engines-know-ports: libs/engines/embedded/store.ts',
    'projections-know-events: projections/log/log.projection.ts',
    'views-know-no-apps: projections/log/log.reader.ts',
    'views-know-no-engines: projections/log/log.reader.ts',
    'contexts-know-published-events: libs/messaging/message/message.decider.ts',
    'contexts-know-no-engines: libs/messaging/message/store.ts',
    'contexts-know-no-views: libs/messaging/message/store.ts',
    'platform-knows-no-context: libs/platform/limits.ts',
    'only-engines-have-drivers: projections/log/log.reader.ts',
    'only-egress-connects: projections/log/log.reader.ts',
    'replay-cannot-send: apps/cli/main.ts',
    'tests-stay-tests: libs/messaging/message/store.ts',
    'resolvable: libs/messaging/lost.ts',
  ])('%s', (violation) => expect(violations).toContain(violation));

  it('leaves alone what is allowed', () => {
    expect(violations.filter((v) => /contact\.|message\.(spec|events)|egress\.ts|worker\.ts|errors\.ts/.test(v))).toEqual([]);
  });
});

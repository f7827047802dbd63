import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded, type Embedded } from '#libs/engines/embedded/embedded';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { happened, projected } from '#libs/event-sourcing/testing/given';
import { settings } from '#libs/settings/settings.decider';
import { settingsAudit } from './settings-audit.projection.js';
import { listChanges, type AuditFilter } from './settings-audit.reader.js';

let engine: Embedded, dir: string;
const at = (n: number): string => `2030-01-01T00:00:${String(n).padStart(2, '0')}.000Z`;
const NAMES = ['email.smtp_host', 'email.smtp_port', 'general.organisation'];
/** Change i of 12, each of two settings; three share each moment. */
const facts = Array.from({ length: 12 }, (_, i) => [0, 1].map((j) => ({ id: `${String(i).padStart(10, '0')}.000${j}`, name: NAMES[(i + j) % 3]!, by: i % 2 ? 'usr_1' : 'local', at: at(Math.floor(i / 3)) }))).flat();
type Fact = (typeof facts)[number];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'heliograph-audit-'));
  engine = await openEmbedded({ dir });
  await engine.readModels.define({ name: collectionOf(settingsAudit), indexes: settingsAudit.indexes });
  const events = Array.from({ length: 12 }, (_, i) => {
    const own = facts.slice(2 * i, 2 * i + 2);
    return happened(settings, 'settings-all', i, 'SettingsChanged', { changes: own.map(({ name }) => ({ name, from: null, to: i, otherwise: null })), secrets: [], reason: null, by: own[0]!.by, at: own[0]!.at });
  });
  await engine.readModels.apply(collectionOf(settingsAudit), [...projected(settingsAudit, events)].map(([id, row]) => ({ id, position: '0000000000000001', row })), '0000000000000001');
});
afterAll(async () => {
  await engine.close();
  rmSync(dir, { recursive: true, force: true });
});

const FILTERS: [string, AuditFilter, (f: Fact) => boolean][] = [
  ['nothing', {}, () => true],
  ['name', { name: 'email.smtp_port' }, (f) => f.name === 'email.smtp_port'],
  ['category', { category: 'email' }, (f) => f.name.startsWith('email.')],
  ['name and its category', { name: 'email.smtp_port', category: 'email' }, (f) => f.name === 'email.smtp_port'],
  ['who', { by: 'local' }, (f) => f.by === 'local'],
  ['who and name', { by: 'usr_1', name: 'general.organisation' }, (f) => f.by === 'usr_1' && f.name === 'general.organisation'],
  ['who and category', { by: 'usr_1', category: 'email' }, (f) => f.by === 'usr_1' && f.name.startsWith('email.')],
  ['from', { from: at(2) }, (f) => f.at >= at(2)],
  ['to, which is not in it', { to: at(2) }, (f) => f.at < at(2)],
  ['all at once', { by: 'local', category: 'email', from: at(1), to: at(3) }, (f) => f.by === 'local' && f.name.startsWith('email.') && f.at >= at(1) && f.at < at(3)],
  ['nobody', { by: 'usr_2' }, () => false],
];

describe('listing changed settings', () => {
  it.each(FILTERS)('by %s: newest first, in pages of any length, none twice, none left out', async (_, filter, is) => {
    const expected = facts.filter(is).map(({ id, at: when }) => `${when} ${id}`).sort().reverse();
    for (const limit of [1, 3, 200]) {
      const found: string[] = [];
      for (let after: [string, string] | undefined; ;) {
        const page = await listChanges(engine.readModels, filter, limit, after);
        expect(page.changes.length).toBeLessThanOrEqual(limit);
        found.push(...page.changes.map(({ id, row }) => `${row.at} ${id}`));
        if (!page.next) break;
        after = page.next;
      }
      expect(found).toEqual(expected);
    }
  });
});

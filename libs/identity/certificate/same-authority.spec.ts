import { expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Room } from '#libs/event-sourcing/testing/rooms';
import { otherAuthority } from './same-authority.js';
import { ensureSecrets } from './secrets-folder.js';

it('hosts of one house have one certificate authority; one that has another is told', async () => {
  const room = await Room.open();
  const folder = mkdtempSync(join(tmpdir(), 'heliograph-'));
  const authority = async (host: string): Promise<string> => (await ensureSecrets({ dir: join(folder, host), masterKeyFile: join(folder, host, 'master.key'), dataDir: join(folder, 'data'), production: false, serverNames: ['localhost'] }, { now: () => new Date(), random: randomBytes })).ca.certificate;
  try {
    const [first, second] = [await authority('a'), await authority('b')];
    expect(await otherAuthority(room.engine.keys, first)).toBeNull();
    expect(await otherAuthority(room.engine.keys, await authority('a'))).toBeNull();
    expect(await otherAuthority(room.engine.keys, second)).toMatch(/is not the one that this house began with .* Copy the authority's files/);
  } finally {
    rmSync(folder, { recursive: true });
    await room.close();
  }
});

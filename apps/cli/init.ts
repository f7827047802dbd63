import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureSecrets } from '#libs/identity/certificate/secrets-folder';
import type { Configuration } from '#libs/platform/configuration/configuration';
import { EXIT, Failed } from './asking.js';

/** Makes what is missing of master key, authority and server certificate, also in production: here somebody asks for it. Overwrites nothing. */
export async function initSecrets(c: Configuration): Promise<{ made: string[]; kept: string[]; folder: string }> {
  const files = [c.masterKeyFile, ...['ca.crt', 'ca.key', 'server.crt', 'server.key'].map((name) => join(c.secretsDir, name))];
  const kept = files.filter((file) => existsSync(file));
  if (kept.length === files.length) {
    throw new Failed({ code: 'conflict', detail: `Everything is there already in ${c.secretsDir}; nothing was changed. To begin anew, move the files away yourself: without this master key nothing in the data folder can be read.` }, EXIT.failed);
  }
  await ensureSecrets({ dir: c.secretsDir, masterKeyFile: c.masterKeyFile, dataDir: c.dataDir, production: false, serverNames: c.publicHosts }, { now: () => new Date(), random: randomBytes });
  return { made: files.filter((file) => !kept.includes(file)), kept, folder: c.secretsDir };
}

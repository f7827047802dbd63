import { Command, Option } from 'commander';
import { ROLES, type Role } from '#libs/identity/principal';
import type { IssuedAnswer } from '../standalone/control/certificates.js';
import type { CredentialAnswer } from '../standalone/control/credentials.js';
import { parseConfiguration } from '#libs/platform/configuration/configuration';
import { ask } from './asking.js';
import { initSecrets } from './init.js';
import { whole } from './numbers.js';
import { table, when, type Colour, type Terminal } from './terminal.js';

interface Json { json?: boolean }

const ROLE = (): Option => new Option('--role <role>', 'what it may do at most').choices(ROLES);

export function credentialCommands(t: Terminal): Command[] {
  const tokens = new Command('tokens').description('API tokens, for `Authorization: Bearer ...`');
  tokens.command('create').description('make a token; it is printed once and kept nowhere')
    .requiredOption('--owner <name>', 'whose messages it sends and sees: an account by id, username or e-mail address, or the name of an owner without one')
    .addOption(ROLE().makeOptionMandatory())
    .option('--expires-days <days>', 'until when it counts; without it, until it is revoked', whole(1, 3_650))
    .action(async ({ owner, role, expiresDays, json }: Json & { owner: string; role: Role; expiresDays?: number }) => {
      const made = await ask('tokens.create', { owner, role, ...(expiresDays === undefined ? {} : { expires_days: expiresDays }) }, t);
      // The token alone on stdout, so that it can be read into a variable.
      if (json) t.out(`${JSON.stringify(made)}\n`);
      else {
        t.out(`${made.token}\n`);
        t.err(`Token ${made.id} for ${made.owner} (${made.role}), ${made.expires_at ? `until ${when(made.expires_at)}` : 'until it is revoked'}. It is not shown again.\n`);
      }
    });
  tokens.command('list').description('tokens, newest first; `ended`: all of its owner, or the sign-in that gave it, were ended; when one was last used is not kept track of yet')
    .option('--owner <name>', 'only those of this owner: an account by id, username or e-mail address, or the name of an owner without one').option('--limit <n>', 'so many at most', whole(1, 10_000), 200)
    .action(async ({ owner, limit, json }: Json & { owner?: string; limit: number }) => {
      const answer = await ask('tokens.list', { limit, ...(owner === undefined ? {} : { owner }) }, t);
      if (!json && answer.note !== null) t.err(`${answer.note}\n`);
      t.out(json ? `${JSON.stringify(answer)}\n` : listed(t, 'ID', answer));
    });
  tokens.command('revoke <id>').description('from now on the token opens nothing')
    .action(async (id: string, { json }: Json) => { t.out(revoked(await ask('tokens.revoke', { id }, t), json, 'Token')); });
  return [tokens, certificateCommands(t)];
}

function certificateCommands(t: Terminal): Command {
  const certs = new Command('certs').description('client certificates, for the mutual-TLS port, and what the server needs for it');
  certs.command('init').description('make the master key, the certificate authority and the server certificate in SECRETS_DIR; overwrites nothing')
    .action(async ({ json }: Json) => {
      const done = await initSecrets(parseConfiguration(t.env));
      t.out(json ? `${JSON.stringify(done)}\n` : [...done.made.map((f) => `made  ${f}`), ...done.kept.map((f) => `kept  ${f}`), 'Keep a copy of these files apart from the data: what the data holds is read with the master key only.', ''].join('\n'));
    });
  certs.command('issue').description('sign a client certificate and write it with its key to SECRETS_DIR/clients')
    .requiredOption('--owner <name>', 'whose messages it sends and sees: an account by id, username or e-mail address, or the name of an owner without one')
    .addOption(ROLE().default('user'))
    .option('--days <days>', 'how long it is valid', whole(1, 398), 365)
    .option('--name <folder>', 'the folder it is written to, where it is not called like its owner')
    .action(async ({ owner, role, days, name, json }: Json & { owner: string; role: Role; days: number; name?: string }) => {
      const made = await ask('certs.issue', { owner, role, days, ...(name === undefined ? {} : { name }) }, t);
      t.out(json ? `${JSON.stringify(made)}\n` : issued(made));
    });
  certs.command('renew <serial>').description('sign another one for the same owner and role; both count until the old one ends')
    .option('--days <days>', 'how long it is valid', whole(1, 398), 365)
    .option('--name <folder>', 'the folder it is written to, where it is not called like its owner and the day')
    .option('--revoke-old', 'end the old one at once')
    .action(async (serial: string, { days, name, revokeOld, json }: Json & { days: number; name?: string; revokeOld?: boolean }) => {
      const made = await ask('certs.renew', { serial, days, ...(name === undefined ? {} : { name }), ...(revokeOld ? { revoke_old: true } : {}) }, t);
      t.out(json ? `${JSON.stringify(made)}\n` : `${issued(made)}The old one, ${made.renewed}, ${made.revoked ? 'is revoked' : 'counts until it ends or is revoked'}.\n`);
    });
  certs.command('list').description('client certificates, newest first; those that end within 30 days stand out; when one was last used is not kept track of yet')
    .option('--owner <name>', 'only those of this owner: an account by id, username or e-mail address, or the name of an owner without one').option('--limit <n>', 'so many at most', whole(1, 10_000), 200)
    .action(async ({ owner, limit, json }: Json & { owner?: string; limit: number }) => {
      const answer = await ask('certs.list', { limit, ...(owner === undefined ? {} : { owner }) }, t);
      if (!json && answer.note !== null) t.err(`${answer.note}\n`);
      t.out(json ? `${JSON.stringify(answer)}\n` : listed(t, 'SERIAL', answer));
    });
  certs.command('revoke <serial>').description('from now on the certificate opens nothing, on open connections too')
    .action(async (id: string, { json }: Json) => { t.out(revoked(await ask('certs.revoke', { id }, t), json, 'Certificate')); });
  return certs;
}

const issued = ({ serial, owner, role, expires_at, folder }: IssuedAnswer): string =>
  `Certificate ${serial} for ${owner} (${role}), until ${when(expires_at)}.\nGive its owner the folder ${folder}: client.crt, client.key, ca.crt.\n`;

const COLOURS: Record<CredentialAnswer['state'], Colour | null> = { active: null, expiring: 'yellow', expired: 'red', revoked: 'grey', ended: 'grey' };

const listed = (t: Terminal, id: string, { credentials, more }: { credentials: CredentialAnswer[]; more: boolean }): string =>
  credentials.length === 0 ? 'There are none.\n'
    : table(t, [id, 'OWNER', 'ROLE', 'STATE', 'ISSUED', 'EXPIRES', 'REVOKED'],
      credentials.map((c) => [c.id, c.owner, c.role, c.state, when(c.issued_at), c.expires_at === null ? 'never' : when(c.expires_at), c.revoked_at === null ? null : `${when(c.revoked_at)} (${c.reason})`]),
      (i) => COLOURS[credentials[i]!.state]) + (more ? 'There are more: raise --limit.\n' : '');

const revoked = (answer: { id: string; owner: string; revoked_at: string; already: boolean }, json: boolean | undefined, what: string): string =>
  json ? `${JSON.stringify(answer)}\n` : `${what} ${answer.id} of ${answer.owner} ${answer.already ? 'was already revoked,' : 'is revoked since'} ${when(answer.revoked_at)}.\n`;

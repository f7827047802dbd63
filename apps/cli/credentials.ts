import { Command, Option } from 'commander';
import { ROLES, type Role } from '#libs/identity/principal';
import type { CredentialAnswer } from '../standalone/control/credentials.js';
import { ask } from './asking.js';
import { whole } from './numbers.js';
import { table, when, type Colour, type Terminal } from './terminal.js';

interface Json { json?: boolean }

const ROLE = (): Option => new Option('--role <role>', 'what it may do at most').choices(ROLES);

export function credentialCommands(t: Terminal): Command[] {
  const tokens = new Command('tokens').description('API tokens, for `Authorization: Bearer ...`');
  tokens.command('create').description('make a token; it is printed once and kept nowhere')
    .requiredOption('--owner <name>', 'whose messages it sends and sees')
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
  tokens.command('list').description('tokens, newest first; when one was last used is not kept track of yet')
    .option('--owner <name>', 'only those of this owner').option('--limit <n>', 'so many at most', whole(1, 10_000), 200)
    .action(async ({ owner, limit, json }: Json & { owner?: string; limit: number }) => {
      const answer = await ask('tokens.list', { limit, ...(owner === undefined ? {} : { owner }) }, t);
      t.out(json ? `${JSON.stringify(answer)}\n` : listed(t, 'ID', answer));
    });
  tokens.command('revoke <id>').description('from now on the token opens nothing')
    .action(async (id: string, { json }: Json) => { t.out(revoked(await ask('tokens.revoke', { id }, t), json, 'Token')); });
  return [tokens];
}

const COLOURS: Record<CredentialAnswer['state'], Colour | null> = { active: null, expiring: 'yellow', expired: 'red', revoked: 'grey' };

const listed = (t: Terminal, id: string, { credentials, more }: { credentials: CredentialAnswer[]; more: boolean }): string =>
  credentials.length === 0 ? 'There are none.\n'
    : table(t, [id, 'OWNER', 'ROLE', 'STATE', 'ISSUED', 'EXPIRES', 'REVOKED'],
      credentials.map((c) => [c.id, c.owner, c.role, c.state, when(c.issued_at), c.expires_at === null ? 'never' : when(c.expires_at), c.revoked_at === null ? null : `${when(c.revoked_at)} (${c.reason})`]),
      (i) => COLOURS[credentials[i]!.state]) + (more ? 'There are more: raise --limit.\n' : '');

const revoked = (answer: { id: string; owner: string; revoked_at: string; already: boolean }, json: boolean | undefined, what: string): string =>
  json ? `${JSON.stringify(answer)}\n` : `${what} ${answer.id} of ${answer.owner} ${answer.already ? 'was already revoked,' : 'is revoked since'} ${when(answer.revoked_at)}.\n`;

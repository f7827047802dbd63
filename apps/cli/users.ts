import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { ROLES, type Role } from '#libs/identity/principal';
import type { UserAnswer, WithPassword } from '../standalone/control/users.js';
import { ask, EXIT, Failed } from './asking.js';
import { whole } from './numbers.js';
import { shown, table, when, type Terminal } from './terminal.js';

interface Json { json?: boolean }
interface PasswordFile { passwordFile?: string }

const calledOf = ({ username, email, id }: UserAnswer): string => username ?? email ?? id;

/** What a file holds, or stdin where it is `-`, without its line end: a command line is read by others. */
function passwordIn({ passwordFile }: PasswordFile): { password?: string } {
  if (passwordFile === undefined) return {};
  try { return { password: readFileSync(passwordFile === '-' ? 0 : passwordFile, 'utf8').replace(/\r?\n$/, '') }; } catch (error) {
    throw new Failed({ code: 'usage', detail: `${passwordFile} cannot be read: ${(error as Error).message}` }, EXIT.usage);
  }
}
const withPassword = (command: Command): Command => command.option('--password-file <path>', 'read the password from a file, or from stdin with -; without it one is generated and printed once');

export function usersCommand(t: Terminal): Command {
  const users = new Command('users').description('accounts; NAME is a username, an e-mail address or an id');

  /** A generated password alone on stdout, so that it can be read into a variable. */
  const told = (answer: WithPassword, what: string, json: boolean | undefined): void => {
    if (json) { t.out(`${JSON.stringify(answer)}\n`); return; }
    if (answer.password !== null) t.out(`${answer.password}\n`);
    t.err(`${what} ${shown(t, calledOf(answer))} (${answer.id}, ${answer.role}). The password must be changed at the next sign-in${answer.password === null ? '' : ', and is not shown again'}.\n`);
  };
  const done = (answer: UserAnswer, what: string, json: boolean | undefined): void => { t.out(json ? `${JSON.stringify(answer)}\n` : `${shown(t, calledOf(answer))} (${answer.id}) ${what}.\n`); };

  withPassword(users.command('create <name>').description('make an account; a NAME with an @ is an e-mail address')
    .option('--email <address>', 'beside a username').option('--full-name <text>', 'what the person is called')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).default('user')))
    .action(async (name: string, { email, fullName, role, json, ...file }: Json & PasswordFile & { email?: string; fullName?: string; role: Role }) => {
      if (name.includes('@') && email !== undefined) throw new Failed({ code: 'usage', detail: 'Give a username and --email, or an e-mail address alone.' }, EXIT.usage);
      const names = name.includes('@') ? { email: name } : { username: name, ...(email === undefined ? {} : { email }) };
      told(await ask('users.create', { ...names, ...(fullName === undefined ? {} : { full_name: fullName }), role, ...passwordIn(file) }, t), 'Account', json);
    });
  users.command('list').description('accounts by name').option('--search <text>', 'the beginning of a username, an e-mail address, a full name or its last word')
    .addOption(new Option('--role <role>', 'only those of this role').choices(ROLES)).addOption(new Option('--status <status>', 'only those that stand so').choices(['active', 'disabled']))
    .option('--limit <n>', 'so many at most', whole(1, 100_000), 200)
    .action(async ({ json, ...given }: Json & { search?: string; role?: Role; status?: 'active' | 'disabled'; limit: number }) => {
      const answer = await ask('users.list', given, t);
      if (json) t.out(`${JSON.stringify(answer)}\n`);
      else if (answer.users.length === 0) t.out('There are none.\n');
      else t.out(table(t, ['ID', 'USERNAME', 'E-MAIL', 'NAME', 'ROLE', 'STATUS', 'SINCE'], answer.users.map((u) => [u.id, u.username, u.email, u.full_name, u.role, u.status, when(u.created_at)]), (i) => (answer.users[i]!.status === 'disabled' ? 'grey' : null)) + (answer.more ? 'There are more: raise --limit.\n' : ''));
    });
  users.command('disable <name>').description('from now on nothing of the account opens anything').option('--reason <text>', 'why')
    .action(async (name: string, { reason, json }: Json & { reason?: string }) => { done(await ask('users.disable', { name, ...(reason === undefined ? {} : { reason }) }, t), 'is disabled', json); });
  users.command('enable <name>').description('it may sign in again; sessions and tokens from before stay ended')
    .action(async (name: string, { json }: Json) => { done(await ask('users.enable', { name }, t), 'is enabled', json); });
  withPassword(users.command('password <name>').description('set its password; its sessions and tokens end'))
    .action(async (name: string, { json, ...file }: Json & PasswordFile) => { told(await ask('users.password', { name, ...passwordIn(file) }, t), 'A new password for', json); });
  users.command('role <name> <role>').description(`what it may do: ${ROLES.join(', ')}`)
    .action(async (name: string, role: string, { json }: Json) => {
      if (!ROLES.includes(role as Role)) throw new Failed({ code: 'usage', detail: `A role is one of ${ROLES.join(', ')}.` }, EXIT.usage);
      const answer = await ask('users.role', { name, role: role as Role }, t);
      done(answer, `has the role ${answer.role}`, json);
    });
  users.command('delete <name>').description('for good; what it sent stays, its names are free')
    .action(async (name: string, { json }: Json) => { done(await ask('users.delete', { name }, t), 'is deleted', json); });
  return users;
}

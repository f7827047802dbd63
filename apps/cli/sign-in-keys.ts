import { Command } from 'commander';
import type { SignInKeyAnswer } from '../standalone/control/sign-in-keys.js';
import { ask } from './asking.js';
import { table, when, type Terminal } from './terminal.js';

interface Json { json?: boolean }

/** What signs access tokens, refresh tokens and cookies. */
export function signInKeyCommands(t: Terminal): Command {
  const keys = new Command('sign-in-keys').description('keys that sign tokens and cookies; the keys themselves are derived and stand nowhere');
  keys.command('list').description('keys that count, oldest first').action(async ({ json }: Json) => {
    const answer = await ask('sign-in-keys.list', {}, t);
    t.out(json ? `${JSON.stringify(answer)}\n` : listed(t, answer.keys));
  });
  keys.command('rotate').description('a new key signs from now on; what the others signed counts to its end')
    .option('--retire-all', 'what the others signed counts no more: everybody signs in anew')
    .action(async ({ retireAll, json }: Json & { retireAll?: boolean }) => {
      const answer = await ask('sign-in-keys.rotate', retireAll ? { retire_all: true } : {}, t);
      t.out(json ? `${JSON.stringify(answer)}\n` : `${listed(t, answer.keys)}${answer.retired.length === 0 ? '' : `Retired: ${answer.retired.join(', ')}.\n`}`);
    });
  return keys;
}

const listed = (t: Terminal, keys: SignInKeyAnswer[]): string =>
  table(t, ['ID', 'ADDED', 'SIGNED UNTIL'], keys.map((k) => [k.id, when(k.added_at), k.superseded_at === null ? 'it signs' : when(k.superseded_at)]), () => null);

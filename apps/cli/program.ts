import { Command } from 'commander';
import { credentialCommands } from './credentials.js';
import { doctorCommand } from './doctor.js';
import { messageCommand } from './messages.js';
import { projectionCommand } from './projections.js';
import { settingsCommand } from './settings.js';
import { signInKeyCommands } from './sign-in-keys.js';
import type { Terminal } from './terminal.js';
import { usersCommand } from './users.js';

export const HEADING = 'Looks after a Heliograph: asks the server that runs on DATA_DIR, or opens the folder itself where none runs. Settings are those of the server: environment and .env.';

const EXITS = `
Exit codes:
  0  done
  1  refused or failed; the reason is on stderr (with --json: {"error": ...} on stdout)
  2  wrong usage, or a wrong setting
  3  another process holds the data folder and does not answer`;

/** The whole command line. */
export function program(t: Terminal): Command {
  const root = new Command('heliograph').description(HEADING).addHelpText('after', EXITS).showHelpAfterError('(--help shows what there is)');
  for (const command of [doctorCommand(t), usersCommand(t), ...credentialCommands(t), messageCommand(t), projectionCommand(t), settingsCommand(t), signInKeyCommands(t)]) root.addCommand(command);
  settle(root, t);
  return root;
}

/** Every command writes where it was told, takes --json, and ends by a thrown error instead of ending the process. */
function settle(command: Command, t: Terminal): void {
  command.exitOverride().configureOutput({ writeOut: t.out, writeErr: t.err }).showHelpAfterError('(--help shows what there is)');
  if (command.commands.length === 0) command.option('--json', 'print the result as JSON');
  for (const inner of command.commands) settle(inner, t);
}

import 'reflect-metadata';
import type { Command } from 'commander';
import { program } from './program.js';

const QUIET = { out: () => undefined, err: () => undefined, env: {}, tty: false, colour: false, ascii: false, width: 100 };

/** docs/cli.md: what every command says of itself. */
export function cliPage(): string {
  const root = program(QUIET);
  const pages = leaves(root).map(([name, command]) => `## ${name}\n\n\`\`\`text\n${command.configureHelp({ helpWidth: 100 }).helpInformation().trim()}\n\`\`\`\n`);
  return `# The command line

<!-- Made from the commands' own help (apps/cli) by \`npm run docs\`: change it there. -->

\`npx heliograph …\` looks after a Heliograph. It asks the server that runs on \`DATA_DIR\`, over the socket \`control.sock\` in that folder
(mode 0600: only the user whom the data belongs to), or, where no server runs, takes the folder's lock and opens it itself. Nothing is ever
sent from the command line: it opens neither worker nor scheduler. What it changes is recorded as done by \`local:cli\`.

Every command takes \`--json\`. Results are on stdout, everything else on stderr; a progress bar is drawn on stderr, on a terminal only.
\`NO_COLOR\` leaves out colours and everything beyond ASCII.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | refused or failed; the reason is on stderr, with \`--json\` as \`{"error": {"code", "detail"}}\` on stdout |
| 2 | wrong usage, or a wrong setting |
| 3 | another process holds the data folder and does not answer, or the server ended before it answered |

${pages.join('\n')}`;
}

const leaves = (command: Command, name = command.name()): [string, Command][] =>
  command.commands.length === 0 ? [[name, command]] : command.commands.flatMap((inner) => leaves(inner, `${name} ${inner.name()}`));

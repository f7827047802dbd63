import 'reflect-metadata';
import { CommanderError } from 'commander';
import { Silent } from './doctor.js';
import { EXIT, told } from './asking.js';
import { program } from './program.js';

/** Exit codes: docs/cli.md. */
try {
  await program({ out: (text) => process.stdout.write(text), err: (text) => process.stderr.write(text), env: process.env, tty: process.stderr.isTTY === true, colour: process.stdout.isTTY === true && !process.env['NO_COLOR'], ascii: Boolean(process.env['NO_COLOR']), width: process.stderr.columns ?? 0 }).parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else {
    const failed = told(error);
    const { detail, code, errors } = failed.failure;
    if (failed instanceof Silent) { /* all was told */ }
    else if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: failed.failure })}\n`);
    else process.stderr.write(`heliograph: ${[detail || code, ...(errors ?? []).map((e) => `  ${e.field} ${e.message}`)].join('\n')}\n`);
    process.exitCode = failed.exit;
  }
}

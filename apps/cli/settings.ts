import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { EXPORT_FORMAT, type Shown } from '#libs/settings/administration';
import { isName, isSecret } from '#libs/settings/table';
import type { ChangeAnswer } from '../standalone/control/settings.js';
import { ask, EXIT, Failed } from './asking.js';
import { shown, table, type Terminal } from './terminal.js';

interface Json { json?: boolean }
interface Why { reason?: string; confirm?: boolean }

const usage = (detail: string): Failed => new Failed({ code: 'usage', detail }, EXIT.usage);

/** A value as it is read back: lists with commas. */
const inText = (value: unknown): string => {
  if (value === null) return '-';
  if (Array.isArray(value)) return value.length === 0 ? '(none)' : value.join(', ');
  if (typeof value === 'object') return (value as { set: boolean }).set ? '(set)' : '(not set)';
  return String(value as string | number | boolean);
};

/** What a file holds, or stdin where it is `-`. */
function contentOf(file: string): string {
  try { return readFileSync(file === '-' ? 0 : file, 'utf8'); } catch (error) { throw usage(`${file} cannot be read: ${(error as Error).message}`); }
}

function exported(text: string): Record<string, unknown> {
  const refused = usage('That is no export of settings: it must be JSON with "settings" in it, as `settings export` writes it.');
  try {
    const read = JSON.parse(text) as { format?: unknown; settings?: unknown } | null;
    if (typeof read?.settings !== 'object' || read.settings === null || Array.isArray(read.settings) || (read.format ?? EXPORT_FORMAT) !== EXPORT_FORMAT) throw refused;
    return read.settings as Record<string, unknown>;
  } catch { throw refused; }
}

const changed = (t: Terminal, { changes, secrets }: ChangeAnswer, none: string): string =>
  changes.length + secrets.length === 0 ? `${none}\n`
    : table(t, ['SETTING', 'WAS', 'IS'], [...changes.map(({ name, from, to }) => [name, from === null ? '(default)' : inText(from), to === null ? '(default)' : inText(to)]), ...secrets.map(({ name, set }) => [name, '(secret)', set ? '(changed)' : '(removed)'])]);

const why = (command: Command): Command => command.option('--reason <text>', 'why, up to 500 characters: stands in the audit log').option('--confirm', 'do it, though it switches a protection off');
const given = ({ reason, confirm }: Why): Why => ({ ...(reason === undefined ? {} : { reason }), ...(confirm === undefined ? {} : { confirm }) });

export function settingsCommand(t: Terminal): Command {
  const settings = new Command('settings').description('settings that count while the server runs (docs/settings.md)');
  settings.command('list').description('all settings as they count now; of a secret only whether it is set').option('--category <name>', 'only those of this category')
    .action(async ({ category, json }: Json & { category?: string }) => {
      const answer = await ask('settings.list', {}, t);
      if (category !== undefined && !Object.hasOwn(answer.settings, category)) throw usage(`There is no category ${category}. There are: ${Object.keys(answer.settings).join(', ')}.`);
      const wanted = Object.entries(answer.settings as Record<string, Shown[keyof Shown]>).filter(([name]) => category === undefined || name === category);
      t.out(json ? `${JSON.stringify({ ...answer, settings: Object.fromEntries(wanted) })}\n` : table(t, ['SETTING', 'VALUE'], wanted.flatMap(([name, values]) => Object.entries(values).map(([own, value]) => [`${name}.${own}`, inText(value)]))));
    });
  settings.command('get <name>').description('one setting, what it may be and what it means')
    .action(async (name: string, { json }: Json) => {
      const answer = await ask('settings.get', { name }, t);
      if (json) t.out(`${JSON.stringify(answer)}\n`);
      else {
        t.out(`${shown(t, inText(answer.value))}\n`);
        t.err(`${answer.meaning}\nIt must be ${answer.allowed}.\n`);
      }
    });
  why(settings.command('set <name> [value]').description('change a setting; lists with commas, a secret from a file, after -- what begins with a hyphen').option('--default', 'take it back to its default').option('--file <path>', 'read the value from a file, or from stdin with -'))
    .action(async (name: string, value: string | undefined, { default: reset, file, json, ...more }: Json & Why & { default?: boolean; file?: string }) => {
      if ([value !== undefined, file !== undefined, reset === true].filter(Boolean).length !== 1) throw usage('Give one of: a value, --file or --default.');
      if (value !== undefined && isName(name) && isSecret(name)) throw usage(`${name} is a secret, and a command line is read by others: give it with --file, or on stdin with --file -.`);
      const text = value ?? (file === undefined ? undefined : contentOf(file).replace(/\r?\n$/, ''));
      const answer = await ask('settings.set', { name, ...(text === undefined ? {} : { text }), ...given(more) }, t);
      t.out(json ? `${JSON.stringify(answer)}\n` : changed(t, answer, 'It is as it was.'));
    });
  settings.command('export').description('all settings as JSON on stdout, without secrets')
    .action(async ({ json }: Json) => { t.out(`${JSON.stringify(await ask('settings.export', {}, t), null, json ? 0 : 2)}\n`); });
  why(settings.command('import <file>').description('take over what an export holds (- for stdin); null takes a setting back to its default').option('--dry-run', 'only say what would change'))
    .action(async (file: string, { dryRun, json, ...more }: Json & Why & { dryRun?: boolean }) => {
      const answer = await ask('settings.import', { settings: exported(contentOf(file)), ...(dryRun === undefined ? {} : { dry_run: dryRun }), ...given(more) }, t);
      t.out(json ? `${JSON.stringify(answer)}\n` : changed(t, answer, 'All is as it says already.'));
      if (!json && answer.secrets_missing.length > 0) t.err(`Set these again, no export holds them: ${answer.secrets_missing.join(', ')}.\n`);
    });
  return settings;
}

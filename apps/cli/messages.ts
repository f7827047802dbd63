import { Command, Option } from 'commander';
import { MESSAGE_STATUSES, type MessageStatus } from '#libs/messaging/message/message.events';
import { ask } from './asking.js';
import { whole } from './numbers.js';
import { withProgress } from './progress.js';
import { painted, shown, table, when, type Terminal } from './terminal.js';
import { statusColour, timeline } from './timeline.js';

interface Json { json?: boolean }

export function messageCommand(t: Terminal): Command {
  const messages = new Command('messages').description('what was sent, and everything that happened to it');
  messages.command('list').description('messages, newest first')
    .addOption(new Option('--status <status>', 'only those that are now').choices(MESSAGE_STATUSES))
    .option('--owner <name>', 'only those of this owner: an account by id, username or e-mail address, or the name of an owner without one').option('--limit <n>', 'so many at most', whole(1, 10_000), 50)
    .action(async ({ status, owner, limit, json }: Json & { status?: MessageStatus; owner?: string; limit: number }) => {
      const answer = await withProgress(t, 'Reading the log', (progress) => ask('messages.list', { limit, ...(status ? { status } : {}), ...(owner === undefined ? {} : { owner }) }, { env: t.env, progress }));
      if (json) { t.out(`${JSON.stringify(answer)}\n`); return; }
      if (answer.note !== null) t.err(`${answer.note}\n`);
      const rows = answer.messages.map((m) => [text(m['id']), text(m['owner']), text(m['status']), text(m['channel']), text(m['to'] ?? m['sender']), when(m['created_at'] as string), text(m['attempts']), text(m['problem'])]);
      t.out(rows.length === 0 ? 'There are none.\n'
        : table(t, ['ID', 'OWNER', 'STATUS', 'CHANNEL', 'NUMBER', 'ACCEPTED', 'TRIES', 'PROBLEM'], rows, (i) => statusColour(rows[i]![2]!)) + (answer.more ? 'There are more: raise --limit.\n' : ''));
    });
  messages.command('show <id>').description('a message as it is now, with its last attempts')
    .action(async (id: string, { json }: Json) => {
      const m = await ask('messages.show', { id }, t);
      if (json) { t.out(`${JSON.stringify(m)}\n`); return; }
      const { recent_attempts: attempts, ...fields } = m;
      const width = Math.max(...Object.keys(fields).map((k) => k.length));
      const lines = Object.entries(fields).map(([k, v]) => `${painted(t, 'grey', k.padEnd(width))}  ${v === null ? '-' : shown(t, typeof v === 'string' ? v : JSON.stringify(v))}`);
      const tries = (attempts as Record<string, unknown>[]).map((a) => [text(a['n']), text(a['outcome']), when(a['started_at'] as string | null), text(a['status_code']), text(a['duration_ms']), text(a['problem']), text(a['answer'])]);
      t.out(`${lines.join('\n')}\n${tries.length ? `\n${table(t, ['TRY', 'OUTCOME', 'STARTED', 'CODE', 'MS', 'PROBLEM', 'ANSWER'], tries)}` : ''}`);
    });
  messages.command('replay [id]').description('a message\'s whole life from its first event; without an id, that of the newest message')
    .action(async (id: string | undefined, { json }: Json) => {
      const life = await withProgress(t, 'Reading the log', (progress) => ask('messages.replay', id === undefined ? {} : { id }, { env: t.env, progress }));
      t.out(json ? `${JSON.stringify(life)}\n` : timeline(t, life));
    });
  return messages;
}

/** A value as a cell shows it. */
const text = (value: unknown): string | null => (value === null || value === undefined ? null : typeof value === 'string' ? value : JSON.stringify(value));

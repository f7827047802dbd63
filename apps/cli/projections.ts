import { Command } from 'commander';
import { ask } from './asking.js';
import { withProgress } from './progress.js';
import { painted, shown, table, type Terminal } from './terminal.js';

interface Json { json?: boolean }

export function projectionCommand(t: Terminal): Command {
  const projections = new Command('projections').description('views: what is computed from the log and can be computed again');
  projections.command('list').description('views, how far each has seen the log, and what is wrong with it')
    .action(async ({ json }: Json) => {
      const answer = await ask('projections.list', {}, t);
      if (json) { t.out(`${JSON.stringify(answer)}\n`); return; }
      // over a cluster's servers no process is asked: each projector says it in its /ready
      const elsewhere = t.env['ENGINES'] === 'cluster' ? 'ask /ready' : 'no server runs';
      const rows = answer.views.map((v) => [v.name, v.version, v.rows, v.checkpoint, v.lag, v.parked.length, v.stopped ?? (v.running ? 'running' : elsewhere)]);
      t.out(table(t, ['NAME', 'VERSION', 'ROWS', 'CHECKPOINT', 'LAG', 'PARKED', 'STATE'], rows, (i) => (answer.views[i]!.stopped ? 'red' : answer.views[i]!.parked.length ? 'yellow' : null)));
      for (const v of answer.views) for (const p of v.parked) t.out(painted(t, 'yellow', `${v.name}: row ${shown(t, p.row)} is stale since ${p.position}: ${shown(t, p.reason)}\n`));
    });
  projections.command('rebuild <name>').description('forget a view and fold the log again from its first event; the server goes on, and nothing is sent')
    .action(async (name: string, { json }: Json) => {
      const done = await withProgress(t, `Rebuilding ${name}`, (progress) => ask('projections.rebuild', { name }, { env: t.env, progress }));
      t.out(json ? `${JSON.stringify(done)}\n` : `${done.name}: ${done.events} events in ${done.seconds} s (${done.events_per_second}/s).\n`);
    });
  return projections;
}

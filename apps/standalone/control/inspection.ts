import { operation, type Parts, type Running } from './operation.js';
import { viewsOf } from './projections.js';

export interface Finding { check: string; state: 'ok' | 'warn' | 'fail'; what: string; /** what to do about it */ todo?: string }

const CHECKED = 1_000;
const PAGE = 500;
const AHEAD_MS = 5 * 60_000;

/** What only whoever holds the data can look at: the log's end, the views, the clock against the log. Changes nothing. */
export const inspect = operation<Record<string, never>, { findings: Finding[] }>({
  given: { type: 'object', additionalProperties: false, required: [] },
  run: async (parts, _given, running) => ({ findings: [...await logFindings(parts, running), ...await viewFindings(parts)] }),
});

async function logFindings({ kernel, clock }: Parts, { progress, signal }: Running): Promise<Finding[]> {
  const { eventStore } = kernel.options.engine;
  const head = await eventStore.head();
  if (head === null) return [{ check: 'log', state: 'ok', what: 'the log is empty' }];
  try {
    // Each event's checksum is compared when it is read.
    const from = pastBy(head, CHECKED);
    let count = 0, newest = '';
    for (let at: string | null = from; at === null || at < head;) {
      signal.throwIfAborted();
      const page = await eventStore.readAll(at, [], PAGE);
      for (const e of page.events) { kernel.registry.known(e); if (e.metadata.at > newest) newest = e.metadata.at; }
      count += page.events.length;
      progress({ done: count, of: CHECKED, unit: 'events' });
      at = page.position;
    }
    const ahead = Date.parse(newest) - clock.now().getTime();
    return [
      { check: 'log', state: 'ok', what: `the last ${count} events are whole, up to position ${head}` },
      ahead > AHEAD_MS ? { check: 'clock', state: 'warn', what: `the newest event is dated ${newest}, ${Math.round(ahead / 60_000)} min after this machine's time`, todo: 'set the clock (NTP): what is due is judged by it' }
        : { check: 'clock', state: 'ok', what: `${clock.now().toISOString()}, not before the newest event` },
    ];
  } catch (error) {
    return [{ check: 'log', state: 'fail', what: error instanceof Error ? error.message : String(error), todo: 'stop the server, keep a copy of the data folder as it is, and restore log.db and keys.db from one backup' }];
  }
}

/** The position so many events before this one, where positions are numbers; else the start. */
const pastBy = (head: string, events: number): string | null =>
  /^\d+$/.test(head) && Number(head) > events ? String(Number(head) - events).padStart(head.length, '0') : null;

async function viewFindings(parts: Parts): Promise<Finding[]> {
  const { head, views } = await viewsOf(parts);
  return views.flatMap((v): Finding[] => {
    const check = `view ${v.name}`;
    const mend = `npx heliograph projections rebuild ${v.name}`;
    if (v.checkpoint !== null && (head === null || v.checkpoint > head)) return [{ check, state: 'fail', what: 'it has seen more than the log holds (a restored backup?)', todo: mend }];
    if (v.stopped) return [{ check, state: 'fail', what: `it stands still: ${v.stopped}`, todo: 'start a version of Heliograph that knows these events, or rebuild it: ' + mend }];
    if (v.parked.length > 0) return [{ check, state: 'warn', what: `${v.parked.length} rows are stale: ${v.parked[0]!.reason}`, todo: mend }];
    return [{ check, state: 'ok', what: `${v.rows} rows${v.lag ? `, ${v.lag} events behind` : ''}` }];
  });
}

import type { Life, LifeEvent } from '../standalone/control/messages.js';
import { painted, shown, when, type Colour, type Terminal } from './terminal.js';

interface Told { what: string; colour: Colour | null; more?: string[] }
type Data = Record<string, unknown>;

const STATUS_COLOURS: Record<string, Colour> = { sent: 'green', delivered: 'green', retrying: 'yellow', unknown: 'yellow', failed: 'red', dead: 'red', expired: 'red', cancelled: 'grey' };
export const statusColour = (status: string): Colour | null => STATUS_COLOURS[status] ?? null;

const LONGEST_ANSWER = 300;
const answer = (d: Data): string[] => (typeof d['answer'] === 'string' && d['answer'] !== '' ? [`the gateway said: ${JSON.stringify(d['answer'].slice(0, LONGEST_ANSWER))}${d['answer'].length > LONGEST_ANSWER ? ' ...' : ''}`] : []);
const next = (d: Data): string[] => (typeof d['retryAt'] === 'string' ? [`next try due ${d['retryAt']}`] : []);
const code = (d: Data): string => (d['status'] === null || d['status'] === undefined ? '' : `, HTTP ${s(d['status'])}`);
const late = (d: Data): string => (d['late'] === true ? ' (heard late)' : '');
const moved = (d: Data): string[] => (typeof d['to'] === 'string' && d['to'] !== d['from'] ? [`now ${d['to']}`] : []);
const s = (value: unknown): string => String(value);

/** Each event of a message's life in plain words. */
const WORDS: Record<string, (d: Data) => Told> = {
  MessageAccepted: (d) => ({
    what: `accepted for ${s(d['owner'])}: channel ${s(d['channel'])}, gateway ${s(d['gateway'])}`, colour: 'cyan',
    more: [
      d['recipient'] ? `to ${s(d['recipient'])}` : d['sender'] ? `sender ${s(d['sender'])}` : 'number erased', d['body'] === null ? 'text erased' : `text: ${JSON.stringify(d['body'])}`,
      ...d['sendAt'] === d['acceptedAt'] ? [] : [`first due ${s(d['sendAt'])}`], ...d['expiresAt'] === null ? [] : [`expires ${s(d['expiresAt'])}`], ...d['batch'] === null ? [] : [`part of ${s(d['batch'])}`],
    ],
  }),
  AttemptStarted: (d) => ({ what: `attempt ${s(d['n'])} begins at gateway ${s(d['gateway'])}`, colour: null }),
  AttemptSent: (d) => ({ what: `attempt ${s(d['n'])} succeeded after ${s(d['durationMs'])} ms${code(d)}${late(d)}`, colour: 'green', more: [...answer(d), ...moved(d)] }),
  AttemptFailed: (d) => ({ what: `attempt ${s(d['n'])} failed after ${s(d['durationMs'])} ms: ${s(d['problem'])}${code(d)}${d['temporary'] === true ? '' : ', for good'}${late(d)}`, colour: 'red', more: [...answer(d), ...moved(d), ...next(d)] }),
  AttemptUnknown: (d) => ({ what: `attempt ${s(d['n'])}: nobody knows whether it was carried out (${s(d['problem'])})`, colour: 'yellow', more: [...answer(d), ...moved(d), ...next(d)] }),
  AttemptNotMade: (d) => ({ what: `attempt ${s(d['n'])} was not begun in time (${s(d['reason'])}) and uses up nothing`, colour: 'yellow', more: next(d) }),
  MessageLookedAt: (d) => ({ what: `${d['what'] === 'life' ? 'its life' : 'its text'} was read by ${s(d['by'])}`, colour: 'grey' }),
  MessageDead: (d) => ({ what: `given up: ${d['reason'] === 'span' ? 'its time to try is over' : 'all its attempts are used up'}`, colour: 'red' }),
  MessageExpired: () => ({ what: 'expired before it was sent', colour: 'red' }),
  CancelRequested: () => ({ what: 'cancelling was asked for while a call was under way', colour: 'grey' }),
  MessageCancelled: (d) => ({ what: d['reason'] === 'erased' ? 'cancelled: its content was erased' : 'cancelled', colour: 'grey' }),
};

/** A life for reading: per event its time, how long after acceptance, what happened, who did it. */
export function timeline(t: Terminal, { message: m, events, looks, cut }: Life): string {
  const first = events[0] ? Date.parse(events[0].at) : 0;
  const gap = !t.ascii ? '│ ' : '| ';
  const status = s(m['status']);
  const colour = statusColour(status);
  const lines = [`${painted(t, 'bold', s(m['id']))}  ${colour ? painted(t, colour, status) : status}${m['erased'] === true ? `  ${painted(t, 'yellow', 'erased: text and numbers can no longer be read')}` : ''}`];
  for (const e of [...events, ...looks.map(lookAsEvent)].sort((a, b) => (a.position < b.position ? -1 : 1))) {
    const { what, colour: of, more = [] } = wordsFor(e);
    const clear = shown(t, what);
    lines.push(`${e.at.slice(0, 10)} ${e.at.slice(11, 23)}Z  ${since(Date.parse(e.at) - first).padStart(9)}  ${of ? painted(t, of, clear) : clear}  ${painted(t, 'grey', `by ${shown(t, e.principal)}`)}`);
    for (const line of more) lines.push(`${' '.repeat(37)}${painted(t, 'grey', gap)}${shown(t, line)}`);
  }
  if (cut) lines.push('There is more than is told here: GET /api/v1/messages/{id}/events pages through all of it.');
  if (typeof m['next_attempt_at'] === 'string') lines.push(`Next: an attempt is due ${when(m['next_attempt_at'])}.`);
  return `${lines.join('\n')}\n`;
}

type Line = Pick<LifeEvent, 'position' | 'at' | 'type' | 'data' | 'principal'>;
/** A look stands in a stream of its own; in the telling it stands where it happened. */
const lookAsEvent = ({ position, at, by, credential, what }: Life['looks'][number]): Line => ({ position, at, type: 'MessageLookedAt', data: { by, what }, principal: credential });

const wordsFor = (e: Line): Told => WORDS[e.type]?.(e.data) ?? { what: e.type, colour: null };

/** `+0 ms`, `+1.2 s`, `+5 min 3 s`, `+2 h 5 min`, `+3 d 4 h` */
export function since(ms: number): string {
  if (ms < 1_000) return `+${ms} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `+${seconds.toFixed(1)} s`;
  const pair = (big: number, small: number, b: string, l: string): string => `+${Math.floor(seconds / big)} ${b} ${Math.floor((seconds % big) / small)} ${l}`;
  if (seconds < 3_600) return pair(60, 1, 'min', 's');
  return seconds < 86_400 ? pair(3_600, 60, 'h', 'min') : pair(86_400, 3_600, 'd', 'h');
}

import { describe, expect, it } from '@jest/globals';
import { createLog, type Log, type LogFields } from './log.js';

function logged(level: string, say: (log: Log) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  say(createLog(level, { write: (line) => { lines.push(line); } }));
  for (const line of lines) expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a line of the log', () => {
  it('is one JSON object: time, level, the allowed fields and the message; nothing else gets in', () => {
    const fields = { requestId: 'req_1', status: 500, body: 'secret', headers: { authorization: 'Bearer x' }, path: '/+15550001111' } as LogFields;
    const [line] = logged('info', (log) => log.warn(fields, 'said'));
    expect(line).toEqual({ time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), level: 'warn', requestId: 'req_1', status: 500, msg: 'said' });
  });

  it.each(['x\n{"level":"fatal"}', '\u001b[31mred', 'a\u0000b\r\nc', 'a\u202Eb\u2028c\u009bd\u007f'])('T84 stays one line, its control characters escaped: %j', (text) => {
    const lines = logged('info', (log) => log.info({ reason: text }, text));
    expect(lines).toEqual([expect.objectContaining({ level: 'info', reason: text, msg: text })]);
  });

  it('tells an error by name, code and place, without what it quotes', () => {
    const err = Object.assign(new TypeError('no "hunter2" for \'me\' at +15550001111 of `x`'), { code: 'E_X' });
    const [line] = logged('info', (log) => log.error({ err }, 'failed'));
    expect(line!['error']).toMatchObject({ type: 'TypeError', code: 'E_X', message: 'no "…" for "…" at … of "…"', stack: expect.arrayContaining([expect.stringMatching(/^at /)]) });
    expect(JSON.stringify(line)).not.toMatch(/hunter2|1555/);
  });

  it.each([['debug', 4], ['info', 3], ['warn', 2], ['error', 1], ['silent', 0]])('LOG_LEVEL=%s lets %d of four levels through', (level, lines) => {
    expect(logged(level, (log) => { log.debug({}, 'd'); log.info({}, 'i'); log.warn({}, 'w'); log.error({}, 'e'); })).toHaveLength(lines);
  });
});

import { describe, expect, it } from '@jest/globals';
import { stateAfter, storedAs } from '#libs/event-sourcing/testing/given';
import type { StoredEvent } from '#libs/event-sourcing/event';
import { settings, type SettingsState } from './settings.decider.js';
import type { SettingValue } from './settings.events.js';
import { LiveSettings } from './settings.js';
import { defaultsOf, type AnyName } from './table.js';

const plain = (name: string, to: SettingValue) => ({ type: 'SettingsChanged', data: { changes: [{ name, from: null, to, otherwise: null }], secrets: [], reason: null, by: 'local', at: '2030-01-01T00:00:00.000Z' } });
const event = (revision: number, one: { type: string; data: unknown }, stream = 'settings-all'): StoredEvent => ({ ...storedAs(settings, one, revision), stream, revision, metadata: {} } as StoredEvent);
const sealer = { open: (values: readonly unknown[]) => Promise.resolve(values.map((v) => `opened ${String(v).length > 0}`)) };
/** A stream that is read when the spec says so. */
const streamOf = (past: { type: string; data: unknown }[]) => {
  let answer = (): void => {};
  const asked = new Promise<void>((resolve) => { answer = resolve; });
  const state = stateAfter(settings, past as never) as SettingsState;
  return { answer: () => answer(), states: { read: async () => { await asked; return { state, revision: past.length - 1, snapshot: -1 }; } } };
};
async function started(...past: { type: string; data: unknown }[]): Promise<LiveSettings> {
  const live = new LiveSettings(defaultsOf({ rateLimitMinute: 90 }));
  const { states, answer } = streamOf(past);
  answer();
  await live.start({ states, sealer });
  return live;
}

describe('live settings', () => {
  it('begin with the environment, then the table', async () => {
    const live = await started();
    expect([live.value('security.rate_limit_minute'), live.value('security.rate_limit_hour'), live.value('email.smtp_host'), live.value('security.ip_allow')]).toEqual([90, 1_000, null, []]);
  });

  it('are what the stream says, then what the log tells', async () => {
    const live = await started(plain('security.rate_limit_minute', 5), plain('email.smtp_host', 'smtp.example.com'));
    expect([live.value('security.rate_limit_minute'), live.value('email.smtp_host')]).toEqual([5, 'smtp.example.com']);
    const told: (readonly AnyName[])[] = [];
    const end = live.onChange((names) => told.push(names));
    live.onEvent(event(2, plain('security.rate_limit_minute', 7)));
    live.onEvent(event(1, plain('email.smtp_host', 'old.example.com')));
    live.onEvent(event(3, plain('security.rate_limit_minute', null)));
    live.onEvent(event(4, plain('security.rate_limit_minute', 90)));
    live.onEvent(event(0, plain('general.organisation', 'x'), 'settings-other'));
    expect([live.value('security.rate_limit_minute'), live.value('email.smtp_host')]).toEqual([90, 'smtp.example.com']);
    expect(told).toEqual([['security.rate_limit_minute'], ['security.rate_limit_minute']]);
    end();
    live.onEvent(event(5, plain('security.rate_limit_minute', 8)));
    expect(told).toHaveLength(2);
  });

  it('lose nothing that is heard while the stream is being read', async () => {
    const live = new LiveSettings(defaultsOf({}));
    const { states, answer } = streamOf([plain('general.organisation', 'A')]);
    const starting = live.start({ states, sealer });
    live.onEvent(event(0, plain('general.organisation', 'A')));
    live.onEvent(event(1, plain('general.organisation', 'B')));
    answer();
    await starting;
    expect(live.value('general.organisation')).toBe('B');
  });

  it('stop rather than skip a change', async () => {
    const live = await started(plain('general.organisation', 'A'));
    expect(() => live.onEvent(event(2, plain('general.organisation', 'C')))).toThrow('heard of change 2 before change 1');
  });

  it('pass over a name that this version does not know', async () => {
    const live = await started(plain('general.of_tomorrow', 1), plain('general.organisation', 'A'));
    expect(live.value('general.organisation')).toBe('A');
    expect(live.value('general.of_tomorrow' as never)).toBeUndefined();
  });

  it('open a secret only when it is asked for', async () => {
    const live = await started({ type: 'SettingsChanged', data: { ...plain('', null).data, changes: [], secrets: [{ name: 'email.smtp_password', value: 'hunter2!', replaced: false }] } });
    expect(JSON.stringify(live)).not.toContain('hunter2');
    expect(await live.secret('email.smtp_password')).toBe('opened true');
    expect(await live.secret('telegram.bot_token')).toBeNull();
  });

  it('tell what was not as the log says, when it is read again', async () => {
    const live = new LiveSettings(defaultsOf({}));
    const behind = streamOf([]), now = streamOf([plain('general.organisation', 'A')]);
    behind.answer();
    now.answer();
    let read = behind.states.read;
    await live.start({ states: { read: () => read() }, sealer });
    expect(await live.readAgain()).toEqual([]);
    read = now.states.read;
    expect(await live.readAgain()).toEqual(['general.organisation']);
  });
});


import { decider, StreamCommand } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import type { EventOf } from '#libs/event-sourcing/event';
import type { Sealed } from '#libs/event-sourcing/sealed';
import { inRanges } from './form.js';
import type { SettingsEvents, SettingValue } from './settings.events.js';
import { isName, isSecret, settingOf } from './table.js';

/** The one stream's id: `settings-all`. */
export const ALL = 'all';
export const REASON_MOST = 500;

/** What was set and not taken back; everything else is as its default. */
export interface SettingsState {
  values: Readonly<Record<string, SettingValue>>;
  secrets: Readonly<Record<string, Sealed<string>>>;
  /** how many changes were made: the version that `If-Match` names */
  changes: number;
}

/** Changes several settings at once, or none. */
export class ChangeSettings extends StreamCommand<{
  /** value null: the default counts again, which is `otherwise` in the house of whoever changes it (null: none) */
  values: readonly { name: string; value: SettingValue; otherwise?: SettingValue }[];
  /** value null: not set any more */
  secrets: readonly { name: string; value: string | null }[];
  reason: string | null;
  /** the administrator's owner id, or `local` */
  by: string;
  /** the version that the caller has seen; null: any */
  seen: number | null;
  confirmed: boolean;
  /** the address that the caller asks from; null: from no network */
  caller: string | null;
}> {}

type Change = EventOf<SettingsEvents, 'plain'>['data']['changes'][number];
/** Version 1 named neither the default nor whether a secret took another's place. */
interface Version1 { changes: Omit<Change, 'otherwise'>[]; secrets: { name: string; value: unknown }[] }

/** In a sentence, what is wrong with a value; null where nothing is. */
export function wrongWith(name: string, value: unknown, secret: boolean): string | null {
  if (!isName(name) || isSecret(name) !== secret) return 'is not a setting; GET /api/v1/settings shows all of them';
  const { form } = settingOf(name);
  return value === null || form.accepts(value) ? null : `must be ${form.allowed}`;
}

const inForce = (name: string, value: SettingValue): SettingValue => value ?? (isName(name) ? settingOf(name).fallback : null);
const same = (a: SettingValue, b: SettingValue): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Why this change needs to be confirmed, in words; [] where it does not. */
function doubts(state: SettingsState, changes: readonly Change[], caller: string | null): string[] {
  const because = changes.flatMap(({ name, from, to }) => {
    const { confirmation } = isName(name) ? settingOf(name) : {};
    return confirmation?.when(inForce(name, from), inForce(name, to)) ? [`${name}: ${confirmation.because}`] : [];
  });
  const lists = changes.filter(({ name }) => name === 'security.ip_allow' || name === 'security.ip_deny');
  if (caller === null || lists.length === 0) return because;
  const after = (name: string): readonly string[] => {
    const changed = lists.find((c) => c.name === name);
    return (inForce(name, changed ? changed.to : (state.values[name] ?? null)) ?? []) as readonly string[];
  };
  const allow = after('security.ip_allow');
  const shutOut = (allow.length > 0 && !inRanges(caller, allow)) || inRanges(caller, after('security.ip_deny'));
  return shutOut ? [...because, `${lists.map(({ name }) => name).join(' and ')}: it shuts out your own address, ${caller}`] : because;
}

const without = <T>(all: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> => Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));

export const settings = decider<SettingsState, SettingsEvents>()({
  stream: 'settings',
  snapshotVersion: 1,
  versions: { SettingsChanged: 2 },
  upcasts: { SettingsChanged: [(data: Version1) => ({ ...data, changes: data.changes.map((c) => ({ ...c, otherwise: null })), secrets: data.secrets.map((s) => ({ ...s, replaced: false })) })] },
  initial: { values: {}, secrets: {}, changes: 0 },
  commands: { ChangeSettings },
  decide: {
    ChangeSettings: (state, { values, secrets, reason, by, seen, confirmed, caller }, now) => {
      const errors = [...values.map((v) => ({ ...v, secret: false })), ...secrets.map((s) => ({ ...s, secret: true }))].flatMap(({ name, value, secret }) => {
        const message = wrongWith(name, value, secret);
        return message === null ? [] : [{ field: name, message }];
      });
      if (reason !== null && [...reason].length > REASON_MOST) errors.push({ field: 'reason', message: `must be a text of at most ${REASON_MOST} characters` });
      if (errors.length > 0) throw new Refusal('validation_failed', undefined, errors);
      if (seen !== null && seen !== state.changes) throw new Refusal('conflict', 'Somebody else has changed the settings since you read them. Read them again, then try again.');
      const changes = values.map(({ name, value, otherwise = null }): Change => ({ name, from: (state.values[name] ?? null) as Change['from'], to: value as Change['to'], otherwise: otherwise as Change['otherwise'] })).filter(({ from, to }) => !same(from, to));
      const kept = secrets.filter(({ name, value }) => value !== null || name in state.secrets);
      if (changes.length === 0 && kept.length === 0) return [];
      const because = confirmed ? [] : doubts(state, changes, caller);
      if (because.length > 0) throw new Refusal('confirmation_required', `Confirm it, if you mean it ("confirm": true; on the command line --confirm). ${because.join('; ')}.`);
      return [{ type: 'SettingsChanged', data: { changes, secrets: kept.map(({ name, value }) => ({ name, value, replaced: name in state.secrets })), reason, by, at: now } }];
    },
  },
  seal: {
    SettingsChanged: (data, by) => ({ ...data, secrets: data.secrets.map(({ name, value, replaced }) => ({ name, replaced, value: by.seal(`secrets.${name}`, value, { kind: 'account', value: 'settings' }) })) }),
  },
  // Who set what, and why, stays readable for as long as the log.
  period: () => ({ category: 'kept', day: '' }),
  evolve: {
    SettingsChanged: ({ values, secrets, changes }, e) => ({
      values: { ...without(values, e.changes.map(({ name }) => name)), ...Object.fromEntries(e.changes.filter(({ to }) => to !== null).map(({ name, to }) => [name, to])) },
      secrets: { ...without(secrets, e.secrets.map(({ name }) => name)), ...Object.fromEntries(e.secrets.flatMap(({ name, value }) => (value === null ? [] : [[name, value]]))) },
      changes: changes + 1,
    }),
  },
  tags: () => ({ owner: 'system:settings' }),
});

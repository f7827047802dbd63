import { projection } from '#libs/event-sourcing/projection';
import type { SettingsEvents, SettingValue } from '#libs/settings/settings.events';

/** One row per changed setting and change: who, what, when, why. Of a secret only that it was changed. */
export type AuditedSetting = {
  /** `{category}.{name}` */
  name: string;
  category: string;
  secret: boolean;
  /** what counted before and counts now, also where that is the default; of a secret null or `set`, and `changed` or `removed` */
  from: SettingValue;
  to: SettingValue;
  /** the default counted before; counts again */
  fromDefault: boolean;
  toDefault: boolean;
  /** the administrator's owner id, or `local` */
  by: string;
  at: string;
  reason: string | null;
  /** which change of the settings it was part of, from 1 */
  version: number;
};

const digits = (n: number, of: number): string => String(n).padStart(of, '0');

export const settingsAudit = projection<SettingsEvents, AuditedSetting>({
  name: 'settings-audit',
  version: 2,
  follows: ['settings'],
  indexes: {
    byTime: ['at'], byName: ['name', 'at'], byCategory: ['category', 'at'],
    byWho: ['by', 'at'], byWhoName: ['by', 'name', 'at'], byWhoCategory: ['by', 'category', 'at'],
  },
  // in the order of the event: ids sort as the changes were made
  keys: ({ revision, data }) => [...data.changes, ...data.secrets].map((_, i) => `${digits(revision, 10)}.${digits(i, 4)}`),
  fold(_row, { revision, data: { changes, secrets, by, at, reason } }, id) {
    const i = Number(id.slice(id.indexOf('.') + 1));
    const common = { by, at, reason, version: revision + 1 };
    const change = changes[i];
    if (change) return { name: change.name, category: categoryOf(change.name), secret: false, from: change.from ?? change.otherwise, to: change.to ?? change.otherwise, fromDefault: change.from === null, toDefault: change.to === null, ...common };
    const { name, value, replaced } = secrets[i - changes.length]!;
    return { name, category: categoryOf(name), secret: true, from: replaced ? 'set' : null, to: value === null ? 'removed' : 'changed', fromDefault: false, toDefault: false, ...common };
  },
});

const categoryOf = (name: string): string => name.slice(0, name.indexOf('.'));

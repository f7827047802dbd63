import type { CurrentSettings } from '../settings.js';
import { defaultsOf, type SecretName, type SettingName, type ValueOf } from '../table.js';

/** Settings for specs: the defaults, but for these; nothing changes them but the spec itself, by `set`. */
export function fixedSettings(given: { [N in SettingName]?: ValueOf<N> } = {}, secrets: { [N in SecretName]?: string } = {}): CurrentSettings & { set<N extends SettingName>(name: N, value: ValueOf<N>): void } {
  const values = new Map<SettingName, unknown>([...defaultsOf({}), ...(Object.entries(given) as [SettingName, unknown][])]);
  const listeners = new Set<Parameters<CurrentSettings['onChange']>[0]>();
  return {
    value: <N extends SettingName>(name: N) => values.get(name) as ValueOf<N>,
    secret: (name) => Promise.resolve(secrets[name] ?? null),
    onChange: (listener) => {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    },
    set: (name, value) => {
      values.set(name, value);
      for (const listener of listeners) listener([name]);
    },
  };
}

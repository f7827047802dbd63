import { stateOf } from '#libs/event-sourcing/decider';
import type { StoredEvent, StoredEventOf } from '#libs/event-sourcing/event';
import type { LiveListener } from '#libs/event-sourcing/running/live-state';
import type { States } from '#libs/event-sourcing/running/states';
import type { Sealer } from '#libs/event-sourcing/sealing/sealer';
import type { SettingsEvents, SettingValue } from './settings.events.js';
import { ALL, settings, type SettingsState } from './settings.decider.js';
import { isName, NAMES, type AnyName, type SecretName, type SettingName, type ValueOf } from './table.js';

export type { SecretName, SettingName, ValueOf } from './table.js';

/** What counts at this moment. Asked anew whenever it is needed, never kept: a change is here within a second. */
export interface CurrentSettings {
  value<N extends SettingName>(name: N): ValueOf<N>;
  /** A secret in the open, at the last moment; null: not set. */
  secret(name: SecretName): Promise<string | null>;
  /** Told after each change which names it touched. The answer ends it. */
  onChange(listener: (names: readonly AnyName[]) => void): () => void;
}

const STREAM = `${settings.stream}-${ALL}`;

/**
 * The settings of one process: the stream folded at start, then every change as the log tells of it. What was set under a name
 * that this version does not know stays in the log and is passed over.
 */
export class LiveSettings implements CurrentSettings, LiveListener {
  readonly prefixes = [`${settings.stream}-`];
  readonly #listeners = new Set<(names: readonly AnyName[]) => void>();
  #values: ReadonlyMap<AnyName, SettingValue>;
  #state: SettingsState = settings.initial;
  /** what was heard before the stream was read: it may be newer than what is read; null once it was */
  #early: StoredEvent[] | null = [];
  #from: { states: Pick<States, 'read'>; sealer: Pick<Sealer, 'open'> } | null = null;

  /** @param defaults what counts while nobody has set it; see `defaultsOf` */
  constructor(readonly defaults: ReadonlyMap<SettingName, SettingValue>) { this.#values = new Map(defaults); }

  /** Reads the stream. Call it once the log is heard: what comes meanwhile is not lost. */
  async start(from: { states: Pick<States, 'read'>; sealer: Pick<Sealer, 'open'> }): Promise<void> {
    this.#from = from;
    this.#become((await from.states.read(settings, STREAM)).state as SettingsState);
    const early = this.#early ?? [];
    this.#early = null;
    for (const event of early) this.onEvent(event);
  }

  onEvent(event: StoredEvent): void {
    if (event.stream !== STREAM) return;
    if (this.#early) { this.#early.push(event); return; }
    if (event.revision < this.#state.changes) return;
    if (event.revision > this.#state.changes) throw new Error(`settings: heard of change ${event.revision} before change ${this.#state.changes}`);
    this.#become(stateOf<SettingsState, SettingsEvents>(settings, [event as StoredEventOf<SettingsEvents>], this.#state));
  }

  /** Folds the stream anew, as `clear-cache` asks; answers which names were not as the log says (none, where all is well). */
  async readAgain(): Promise<readonly AnyName[]> {
    if (!this.#from) throw new Error('the settings were not started');
    const { state } = await this.#from.states.read(settings, STREAM) as { state: SettingsState };
    return state.changes > this.#state.changes ? this.#become(state) : [];
  }

  value<N extends SettingName>(name: N): ValueOf<N> { return this.#values.get(name) as ValueOf<N>; }

  async secret(name: SecretName): Promise<string | null> {
    const sealed = this.#state.secrets[name];
    if (sealed === undefined || !this.#from) return null;
    return (await this.#from.sealer.open([sealed]))[0] ?? null;
  }

  onChange(listener: (names: readonly AnyName[]) => void): () => void {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  #become(state: SettingsState): readonly AnyName[] {
    const before = { values: this.#values, secrets: this.#state.secrets };
    this.#values = new Map<AnyName, SettingValue>([...this.defaults, ...Object.entries(state.values).filter((e): e is [SettingName, SettingValue] => isName(e[0]))]);
    this.#state = state;
    const touched = NAMES.filter((name) => JSON.stringify(before.values.get(name)) !== JSON.stringify(this.#values.get(name)) || before.secrets[name] !== state.secrets[name]);
    if (touched.length > 0) for (const listener of this.#listeners) listener(touched);
    return touched;
  }
}

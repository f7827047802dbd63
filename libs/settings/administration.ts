import type { StreamCommand } from '#libs/event-sourcing/decider';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Position } from '#libs/event-sourcing/event';
import type { Executed } from '#libs/event-sourcing/running/commands';
import type { States } from '#libs/event-sourcing/running/states';
import type { AddressGuard } from '#libs/platform/egress/address.guard';
import { placeFaults } from './places.js';
import type { SettingValue } from './settings.events.js';
import { ALL, ChangeSettings, settings, type SettingsState } from './settings.decider.js';
import { CATEGORIES, isName, isSecret, NAMES, partsOf, type AnyName, type Category, type SettingName } from './table.js';

/** A value as it is shown: of a secret only whether it is set. */
export type ShownValue = SettingValue | { set: boolean };
export type Shown = Record<Category, Record<string, ShownValue>>;
/** What is asked for: `{category: {name: value}}`, checked here. */
export type Asked = Record<string, unknown>;

/** Who changes, from where, and what is to be told of it; see ChangeSettings. */
export type How = Pick<ChangeSettings['data'], 'reason' | 'by' | 'seen' | 'confirmed' | 'caller'>;

/** What a change did, or would do. */
export interface Done {
  /** null: the default counted before, or counts again */
  changes: { name: string; from: SettingValue; to: SettingValue }[];
  /** secrets that were written or taken back */
  secrets: { name: string; set: boolean }[];
  /** all settings after it, and the version that they are at */
  settings: Shown;
  version: number;
  /** null where nothing was written */
  position: Position | null;
}

export const EXPORT_FORMAT = 'heliograph-settings';
/** Every setting: null where the default counts, so that an import makes the same of another house. Of a secret only whether it is set. */
export interface Export { format: typeof EXPORT_FORMAT; format_version: 1; exported_at: string; settings: Shown }

export interface AdministrationPorts {
  states: Pick<States, 'read'>;
  execute(command: StreamCommand): Promise<Executed<SettingsState>>;
  /** the operator's rules for outbound calls, read at start */
  guard: AddressGuard;
  defaults: ReadonlyMap<SettingName, SettingValue>;
  now(): Date;
}

const STREAM = `${settings.stream}-${ALL}`;

/** What administrators do with settings, over HTTP and the command line alike. Reads the stream itself: whoever has changed something sees it. */
export class Administration {
  constructor(private readonly ports: AdministrationPorts) {}

  /** All settings as they count now, and the version that `If-Match` names. */
  async show(): Promise<{ settings: Shown; version: number }> {
    const state = await this.#state();
    return { settings: this.#shown(state, true), version: state.changes };
  }

  async export(): Promise<Export> {
    return { format: EXPORT_FORMAT, format_version: 1, exported_at: this.ports.now().toISOString(), settings: this.#shown(await this.#state(), false) };
  }

  /**
   * Changes what is named, all of it or nothing; null takes a setting back to its default, and a secret that is sent as it was shown stays.
   * With `dryRun` nothing is written, and the answer says what would be.
   * @throws Refusal validation_failed, confirmation_required, conflict
   */
  async change(asked: Asked, how: How, context: StreamCommand['context'], dryRun = false): Promise<Done> {
    const { values: named, secrets } = flat(asked);
    const values = named.map((v) => ({ ...v, otherwise: this.#inForce(v.name as AnyName, null) }));
    const data = { values, secrets, ...how };
    const before = await this.#state();
    const now = this.ports.now().toISOString();
    // first what is wrong with the values themselves: a place is judged only once it is one
    const events = settings.decide.ChangeSettings(before, dryRun ? data : { ...data, seen: null, confirmed: true }, now, ALL);
    const after = new Map(values.map(({ name, value }) => [name, value]));
    const faults = placeFaults(this.ports.guard, values.filter(({ value }) => value !== null).map(({ name }) => name), (name) => this.#inForce(name, after.has(name) ? after.get(name)! : before.values[name]));
    if (faults.length > 0) throw new Refusal('validation_failed', undefined, faults);
    if (dryRun) return this.#done(events, events.reduce((state, e) => settings.evolve.SettingsChanged(state, e.data as never, { revision: state.changes, metadata: { ...context, at: now } }), before), null);
    const done = await this.ports.execute(new ChangeSettings(ALL, data, context));
    return this.#done(done.events as typeof events, done.state, done.position);
  }

  async #state(): Promise<SettingsState> { return (await this.ports.states.read(settings, STREAM)).state as SettingsState; }

  #inForce(name: AnyName, value: SettingValue | undefined): SettingValue { return value ?? this.ports.defaults.get(name as SettingName) ?? null; }

  #shown(state: SettingsState, withDefaults: boolean): Shown {
    const all = Object.fromEntries(CATEGORIES.map((category) => [category, {}])) as Shown;
    for (const name of NAMES) {
      const [category, own] = partsOf(name);
      const value = state.values[name] ?? null;
      all[category as Category][own] = isSecret(name) ? { set: name in state.secrets } : withDefaults ? this.#inForce(name, value) : value;
    }
    return all;
  }

  #done(events: readonly { data: { changes: Done['changes']; secrets: { name: string; value: unknown }[] } }[], state: SettingsState, position: Position | null): Done {
    return {
      changes: events.flatMap(({ data }) => data.changes.map(({ name, from, to }) => ({ name, from, to }))), secrets: events.flatMap(({ data }) => data.secrets.map(({ name, value }) => ({ name, set: value !== null }))),
      settings: this.#shown(state, true), version: state.changes, position,
    };
  }
}

/** Secrets that an export had and this house has not: nobody but their owner can bring them. */
export const secretsMissing = (exported: Asked, here: Shown): string[] => NAMES.filter(isSecret).filter((name) => {
  const [category, own] = partsOf(name);
  const there = (exported[category] as Record<string, unknown> | undefined)?.[own];
  return (there as { set?: unknown } | null | undefined)?.set === true && !(here[category as Category][own] as { set: boolean }).set;
});

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
/** A secret that comes back as it was shown, or as pages show it, stays as it is. */
export const isMask = (value: unknown): boolean => (typeof value === 'string' ? /^•{4,}$/.test(value) : isObject(value) && Object.keys(value).join() === 'set' && typeof value['set'] === 'boolean');

/** By full names; secrets apart. @throws Refusal where a category is not one */
function flat(asked: Asked): Pick<ChangeSettings['data'], 'values' | 'secrets'> {
  const named = Object.entries(asked).flatMap(([category, values]): [string, unknown][] => {
    if (!(CATEGORIES as readonly string[]).includes(category)) throw new Refusal('validation_failed', undefined, [{ field: category.slice(0, 100), message: `is not a category; there are ${CATEGORIES.join(', ')}` }]);
    if (!isObject(values)) throw new Refusal('validation_failed', undefined, [{ field: category, message: 'must be an object of names and values' }]);
    return Object.entries(values).map(([name, value]) => [`${category}.${name.slice(0, 100)}`, value]);
  });
  const secret = ([name]: [string, unknown]): boolean => isName(name) && isSecret(name);
  return {
    // their form is the decider's to judge
    values: named.filter((one) => !secret(one)).map(([name, value]) => ({ name, value: value as SettingValue })),
    secrets: named.filter((one) => secret(one) && !isMask(one[1])).map(([name, value]) => ({ name, value: value as string | null })),
  };
}

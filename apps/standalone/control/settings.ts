import { Refusal } from '#libs/event-sourcing/errors';
import { addressGuard } from '#libs/platform/egress/address.guard';
import { Administration, secretsMissing, type Asked, type Done, type Export, type How, type Shown } from '#libs/settings/administration';
import { settings } from '#libs/settings/settings.decider';
import { defaultsOf, isName, partsOf, settingOf, type AnyName, type Category } from '#libs/settings/table';
import { egressRules } from '../egress-rules.js';
import { contextOf, operation, type Parts } from './operation.js';

export interface SettingAnswer { name: string; /** of a secret `{set}` */ value: unknown; allowed: string; meaning: string }
/** What was changed, or would be; `version` is that of all settings after it. */
export interface ChangeAnswer { changes: Done['changes']; secrets: Done['secrets']; version: number }

const administrationOf = ({ kernel, configuration, clock }: Parts): Administration => new Administration({
  states: kernel.states, execute: (command) => kernel.commands.execute(settings, command),
  guard: addressGuard(egressRules(configuration)), defaults: defaultsOf(configuration), now: () => clock.now(),
});

/** Whoever holds the folder asks from no network: nothing shuts him out, so that he can let others in again. */
const how = ({ reason, confirm }: { reason?: string | undefined; confirm?: boolean | undefined }): How => ({ reason: reason || null, by: 'local', seen: null, confirmed: confirm === true, caller: null });

const told = ({ changes, secrets, version }: Done): ChangeAnswer => ({ changes, secrets, version });

/** @throws Refusal not_found */
function known(name: string): AnyName {
  if (!isName(name)) throw new Refusal('not_found', `There is no setting ${name.slice(0, 100)}. \`settings list\` shows all of them.`);
  return name;
}

export const listSettings = operation<Record<string, never>, { settings: Shown; version: number }>({
  given: { type: 'object', additionalProperties: false, required: [] },
  run: (parts) => administrationOf(parts).show(),
});

export const getSetting = operation<{ name: string }, SettingAnswer>({
  given: { type: 'object', additionalProperties: false, required: ['name'], properties: { name: { type: 'string' } } },
  async run(parts, given) {
    const name = known(given.name);
    const [category, own] = partsOf(name);
    const { form, meaning } = settingOf(name);
    return { name, value: (await administrationOf(parts).show()).settings[category as Category][own], allowed: form.allowed, meaning };
  },
});

/** `text`: the value as a line of text, lists with commas; none: back to the default, a secret taken back. */
export const setSetting = operation<{ name: string; text?: string; reason?: string; confirm?: boolean }, ChangeAnswer>({
  given: {
    type: 'object', additionalProperties: false, required: ['name'],
    properties: { name: { type: 'string' }, text: { type: 'string', nullable: true }, reason: { type: 'string', nullable: true }, confirm: { type: 'boolean', nullable: true } },
  },
  async run(parts, { name, text, ...more }) {
    const [category, own] = partsOf(known(name));
    const value = text === undefined ? null : settingOf(known(name)).form.read(text);
    return told(await administrationOf(parts).change({ [category]: { [own]: value } }, how(more), contextOf(parts)));
  },
});

export const exportSettings = operation<Record<string, never>, Export>({
  given: { type: 'object', additionalProperties: false, required: [] },
  run: (parts) => administrationOf(parts).export(),
});

/** `settings`: those of an export, or a part of them. */
export const importSettings = operation<{ settings: Record<string, unknown>; reason?: string; confirm?: boolean; dry_run?: boolean }, ChangeAnswer & { dry_run: boolean; secrets_missing: string[] }>({
  given: {
    type: 'object', additionalProperties: false, required: ['settings'],
    properties: { settings: { type: 'object', required: [], additionalProperties: true }, reason: { type: 'string', nullable: true }, confirm: { type: 'boolean', nullable: true }, dry_run: { type: 'boolean', nullable: true } },
  },
  async run(parts, { settings: asked, dry_run = false, ...more }) {
    const done = await administrationOf(parts).change(asked as Asked, how(more), contextOf(parts), dry_run);
    return { ...told(done), dry_run, secrets_missing: secretsMissing(asked, done.settings) };
  },
});


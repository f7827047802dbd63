import type { JsonSchema } from '#libs/platform/validation/decorators';
import { EXPORT_FORMAT } from '#libs/settings/administration';
import { AuditQuery, ChangeSettingsDto, ImportSettingsDto } from '#libs/settings/settings.dto';
import { CATEGORIES, isSecret, NAMES, namesIn, partsOf, settingOf, type AnyName, type Category } from '#libs/settings/table';
import { json, list, moment, nullable, object, ref, text, yes, type Surface } from '../docs/surface.js';

const SET: JsonSchema = object({ set: yes('whether it is set; what it is, nobody reads back') });
const withNull = (schema: JsonSchema): JsonSchema => ({ ...schema, type: [schema.type as string, 'null'], ...(Array.isArray(schema['enum']) ? { enum: [...(schema['enum'] as unknown[]), null] } : {}) });
const shown = (name: AnyName, orNull: boolean): JsonSchema => {
  const { form, fallback, meaning } = settingOf(name);
  return isSecret(name) ? SET : { ...(orNull || fallback === null ? withNull(form.schema) : form.schema), description: meaning };
};
const categoryOf = (category: Category, orNull = false): JsonSchema => object(Object.fromEntries(namesIn(category).map((name) => [partsOf(name)[1], shown(name, orNull)])));
const all = (orNull = false): JsonSchema => object(Object.fromEntries(CATEGORIES.map((category) => [category, categoryOf(category, orNull)])));

const VALUE: JsonSchema = { type: ['string', 'number', 'boolean', 'array', 'null'], items: { type: 'string' } };
const WHY = 'why, up to 500 characters: stands in the audit log';
const CONFIRM = 'that you mean it, where a change switches a protection off or shuts you out';

/** Defaults, as an answer shows them. */
const example = (category: Category): Record<string, unknown> => Object.fromEntries(namesIn(category).map((name) => [partsOf(name)[1], isSecret(name) ? { set: false } : settingOf(name).fallback]));
const EXAMPLE = Object.fromEntries(CATEGORIES.map((category) => [category, example(category)]));

export const settingsSurface: Surface = {
  tag: { name: 'settings', description: 'What administrators set while it runs: each change counts in every process within a second, and stands in the audit log' },
  bodies: { ChangeSettings: ChangeSettingsDto, ImportSettings: ImportSettingsDto },
  fields: {
    ...Object.fromEntries(CATEGORIES.map((category) => [category, `settings of ${category}; docs/settings.md says what each means`])),
    reason: WHY, confirm: CONFIRM,
    format: 'as an export has it', format_version: 'as an export has it', exported_at: 'as an export has it', settings: 'settings by category, as an export has them: null takes one back to its default',
    dry_run: 'only say what would change',
    category: 'only settings of this category', name: 'only this setting, `category.name`', who: 'only changes by this one: an account\'s id, username or e-mail address, or `local` for the command line',
    from: 'changed at or after this moment', to: 'changed before this moment', limit: 'so many at most; 50 unless told', after: 'the `next` of the page before',
  },
  answers: {
    Settings: all(),
    SettingsOfCategory: { anyOf: CATEGORIES.map((category) => categoryOf(category)) },
    CacheCleared: object({ cleared: { type: 'boolean', const: true }, changed: list({ type: 'string', enum: [...NAMES], description: 'a setting that was not as the log says' }), message: text('what was done') }),
    SettingsAudit: object({
      changes: list(object({
        name: text('`category.name`'), category: { type: 'string', enum: [...CATEGORIES] }, secret: yes('its values are not shown'),
        from: { ...VALUE, description: 'what counted before; null: nothing; of a secret `set`, or null' }, to: { ...VALUE, description: 'what counts since; null: nothing; of a secret `changed` or `removed`' },
        from_default: yes('the default counted before'), to_default: yes('the default counts again'),
        who: text('the account\'s id, or `local` for the command line'), who_name: nullable(text('what the account is called now; null: it is none, or was erased')), when: moment('when it was changed'), why: nullable(text('the reason that was given')),
        version: { type: 'integer', minimum: 1, description: 'which change it was; several settings may be part of one' },
      })),
      next: nullable(text('Give it as `after` to get the next page; null on the last.')),
    }),
    SettingsExport: object({ format: { type: 'string', const: EXPORT_FORMAT }, format_version: { type: 'integer', const: 1 }, exported_at: moment('when it was made'), settings: { ...all(true), description: 'what was set; null: the default counts' } }),
    SettingsImported: object({
      dry_run: yes('nothing was changed'),
      changes: list(object({ name: text('`category.name`'), from: VALUE, to: VALUE })),
      secrets_missing: list({ type: 'string', enum: NAMES.filter(isSecret), description: 'was set where the export comes from, and is not here' }),
    }),
  },
  operations: {
    SettingsController_show: {
      id: 'showSettings', summary: 'Show all settings, as they count now',
      answers: { 200: json('Settings', 'By category.', EXAMPLE, ['ETag']) },
    },
    SettingsController_category: {
      id: 'showSettingsOfCategory', summary: 'Show the settings of one category',
      description: `There are ${CATEGORIES.join(', ')}.`,
      answers: { 200: json('SettingsOfCategory', 'By name.', example('general'), ['ETag']) }, refusals: ['not_found'],
    },
    SettingsController_change: {
      id: 'changeSettings', summary: 'Change settings, all that are named or none',
      description: 'What is not named stays. null takes a setting back to its default. A secret that is sent as it was shown, or as dots (`••••••••`), stays as it is.',
      headers: ['If-Match'],
      body: { schema: ref('ChangeSettings'), examples: { limit: { security: { rate_limit_minute: 120 }, reason: 'a new client sends more' } } },
      answers: { 200: json('Settings', 'All settings, after the change.', EXAMPLE, ['ETag', 'X-Heliograph-Position']) },
      refusals: ['malformed_json', 'payload_too_large', 'confirmation_required', 'conflict', 'validation_failed'],
    },
    SettingsController_clearCache: {
      id: 'clearSettingsCache', summary: 'Read the settings again from the log',
      description: 'Nothing is kept for a time here, so there is nothing to clear; it answers whether this process had it as the log says.',
      answers: { 200: json('CacheCleared', 'They were read again.', { cleared: true, changed: [], message: 'Nothing is kept for a time here: each change reaches every process within a second. The settings were read again from the log.' }) },
      refusals: ['malformed_json', 'payload_too_large'],
    },
    SettingsController_changes: {
      id: 'settingsAudit', summary: 'Who changed which setting, when and why', query: AuditQuery, headers: ['X-Heliograph-Position'],
      answers: {
        200: json('SettingsAudit', 'A page of changes, newest first.', {
          changes: [{ name: 'security.rate_limit_minute', category: 'security', secret: false, from: 60, to: 120, from_default: true, to_default: false, who: 'usr_0193f2c0a1b27c3d8e4f5a6b7c8d9e0f', who_name: 'SMSadmin', when: '2030-01-01T00:00:00.000Z', why: 'a new client sends more', version: 1 }], next: null,
        }),
      },
      refusals: ['validation_failed', 'invalid_cursor'],
    },
    SettingsController_export: {
      id: 'exportSettings', summary: 'Export all settings, without secrets',
      answers: { 200: json('SettingsExport', 'What `import` takes.', { format: EXPORT_FORMAT, format_version: 1, exported_at: '2030-01-01T00:00:00.000Z', settings: EXAMPLE }) },
    },
    SettingsController_import: {
      id: 'importSettings', summary: 'Import settings, or see what an import would change',
      description: 'Takes an export, or a part of one. Secrets are not part of it: `secrets_missing` names those to be set again.',
      headers: ['If-Match'],
      body: { schema: ref('ImportSettings'), examples: { preview: { settings: { general: { organisation: 'Example' } }, dry_run: true } } },
      answers: { 200: json('SettingsImported', 'What was changed, or would be.', { dry_run: true, changes: [{ name: 'general.organisation', from: null, to: 'Example' }], secrets_missing: [] }, ['ETag', 'X-Heliograph-Position']) },
      refusals: ['malformed_json', 'payload_too_large', 'confirmation_required', 'conflict', 'validation_failed'],
    },
  },
};

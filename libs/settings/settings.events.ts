import type { Sensitive } from '#libs/event-sourcing/sealed';

/** A setting's value: what JSON can say of one. */
export type SettingValue = string | number | boolean | null | readonly string[];

/**
 * What administrators set, in the one stream `settings-all`, so that a change of several is made at once or not at all and
 * the stream's revision is the version that `If-Match` names.
 *
 * These names and shapes are on disk for ever: a change is a new version, with an upcast and a golden sample.
 */
export type SettingsEvents = {
  SettingsChanged: {
    /** `{category}.{name}`, with the value before and after; null: the default counts, which is `otherwise` (null in version 1, which did not say) */
    changes: { name: string; from: SettingValue; to: SettingValue; otherwise: SettingValue }[];
    /** the same for secrets, of which nobody reads back what they are; null: not set any more. `replaced`: another was set before (version 1 did not say) */
    secrets: { name: string; value: Sensitive<string> | null; replaced: boolean }[];
    reason: string | null;
    /** the administrator's owner id, or `local` */
    by: string;
    at: string;
  };
};

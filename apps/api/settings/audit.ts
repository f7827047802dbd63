import type { ReadModels } from '#libs/event-sourcing/ports/read-models';
import type { Seeing } from '#libs/event-sourcing/running/seeing';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import type { Accounts } from '#libs/identity/user/accounts';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';
import { principalName, type Principal } from '#libs/identity/principal';
import type { AuditQuery } from '#libs/settings/settings.dto';
import { settingsAudit, type AuditedSetting } from '#projections/settings-audit/settings-audit.projection';
import { listChanges } from '#projections/settings-audit/settings-audit.reader';
import { userList, type ListedUser } from '#projections/user-list/user-list.projection';
import { Cursors } from '../messages/cursors.js';

export interface AuditPorts { views: ReadModels; seeing: Seeing; keyring: Keyring; accounts: Pick<Accounts, 'find'> }

const VIEW = { follower: settingsAudit.name, collection: collectionOf(settingsAudit) };
const ACCOUNT = /^usr_[0-9a-f]{32}$/;
const moment = (text: string): string => new Date(text).toISOString();

/** Who changed which setting, when and why. */
export class SettingsAudit {
  readonly #cursors: Cursors;
  constructor(private readonly ports: AuditPorts) { this.#cursors = new Cursors(ports.keyring); }

  async list({ after, limit = 50, who, from, to, category, name }: AuditQuery, principal: Principal, position: unknown): Promise<{ changes: object[]; next: string | null }> {
    const filter = {
      ...(who === undefined ? {} : { by: await this.#idOf(who) }), ...(category === undefined ? {} : { category }), ...(name === undefined ? {} : { name }),
      ...(from === undefined ? {} : { from: moment(from) }), ...(to === undefined ? {} : { to: moment(to) }),
    };
    const scope = ['settings-audit', JSON.stringify(Object.entries(filter).sort(([a], [b]) => (a < b ? -1 : 1)))];
    const cursor = after === undefined ? undefined : (this.#cursors.read(after, scope) as [string, string]);
    // a name is in one category: another category asked beside it finds nothing
    if (name !== undefined && category !== undefined && !name.startsWith(`${category}.`)) return { changes: [], next: null };
    await this.ports.seeing.upTo(VIEW, principalName(principal), typeof position === 'string' && /^[0-9A-Za-z.:-]{1,64}$/.test(position) ? position : undefined);
    const page = await listChanges(this.ports.views, filter, limit, cursor);
    const names = await this.#names(page.changes.map(({ row }) => row.by));
    return { changes: page.changes.map(({ row }) => auditAnswer(row, names.get(row.by) ?? null)), next: page.next ? this.#cursors.write(page.next, scope) : null };
  }

  /** An account is asked for by id, username or e-mail address; whoever has none, by the name that stands in the log. */
  async #idOf(who: string): Promise<string> { return who === 'local' || ACCOUNT.test(who) ? who : ((await this.ports.accounts.find(who)) ?? who); }

  /** What these accounts are called now. */
  async #names(ids: readonly string[]): Promise<Map<string, string | null>> {
    const found = await this.ports.views.getMany(collectionOf(userList), [...new Set(ids.filter((id) => ACCOUNT.test(id)))]);
    return new Map([...found].map(([id, { row }]) => {
      const { username, email } = (row ?? { username: null, email: null }) as Pick<ListedUser, 'username' | 'email'>;
      return [id, username ?? email];
    }));
  }
}

const auditAnswer = ({ name, category, secret, from, to, fromDefault, toDefault, by, at, reason, version }: AuditedSetting, whoName: string | null): Record<string, unknown> =>
  ({ name, category, secret, from, to, from_default: fromDefault, to_default: toDefault, who: by, who_name: whoName, when: at, why: reason, version });

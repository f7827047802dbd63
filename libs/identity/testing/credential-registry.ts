import { randomUUID } from 'node:crypto';
import { stateOf, type CommandContext, type StreamCommand } from '#libs/event-sourcing/decider';
import type { EventOf, StoredEvent, StoredEventOf } from '#libs/event-sourcing/event';
import { credential, type CredentialState } from '../credential/credential.decider.js';
import type { CredentialEvents } from '../credential/credential.events.js';

type Decisions = Record<string, (state: CredentialState | null, data: object, now: string, id: string) => EventOf<CredentialEvents, 'plain'>[]>;

/** The log of credentials in memory, for specs: real decisions, real events, no engine. */
export class CredentialRegistry {
  readonly #streams = new Map<string, StoredEvent[]>();
  /** how often each stream was read */
  readonly loads: string[] = [];
  readonly #followers: ((event: StoredEvent) => void)[] = [];
  readonly context: CommandContext = { principal: 'local:spec', correlationId: 'c', causationId: 'c' };

  constructor(readonly now: () => Date) {}

  follow(follower: (event: StoredEvent) => void): void { this.#followers.push(follower); }

  /** All events of a stream. */
  events(stream: string): readonly StoredEvent[] { return this.#streams.get(stream) ?? []; }

  /** What a stream stands at. */
  load = async (stream: string): Promise<CredentialState | null> => {
    this.loads.push(stream);
    return stateOf<CredentialState | null, CredentialEvents>(credential, this.events(stream) as StoredEventOf<CredentialEvents>[]);
  };

  execute(command: StreamCommand): void {
    const stream = `credential-${command.id}`;
    const past = this.#streams.get(stream) ?? [];
    const state = stateOf<CredentialState | null, CredentialEvents>(credential, past as StoredEventOf<CredentialEvents>[]);
    const at = this.now().toISOString();
    const decided = (credential.decide as Decisions)[command.constructor.name]!(state, command.data, at, command.id);
    const events = decided.map(({ type, data }, i): StoredEvent => ({
      id: randomUUID(), type, version: credential.versions?.[type] ?? 1, data, stream, revision: past.length + i, position: String(past.length + i),
      tags: { owner: 'spec' }, metadata: { ...this.context, at },
    }));
    this.#streams.set(stream, [...past, ...events]);
    for (const event of events) for (const follower of this.#followers) follower(event);
  }
}

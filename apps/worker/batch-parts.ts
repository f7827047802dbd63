import type { CommandBus } from '@nestjs/cqrs';
import type { EventStore } from '#libs/event-sourcing/ports/event-store';
import type { Job } from '#libs/event-sourcing/ports/work-queue';
import type { Handled } from '#libs/event-sourcing/process';
import type { Commands } from '#libs/event-sourcing/running/commands';
import type { States } from '#libs/event-sourcing/running/states';
import type { Stored } from '#libs/event-sourcing/sealed';
import type { Sealer } from '#libs/event-sourcing/sealing/sealer';
import { batch, RecordPartsMade, type Batch } from '#libs/messaging/batch/batch.decider';
import type { BatchEvents } from '#libs/messaging/batch/batch.events';
import { parts } from '#libs/messaging/batch/parts.process';
import { AcceptMessage, message } from '#libs/messaging/message/message.decider';

export interface PartsPorts { bus: CommandBus; commands: Commands; store: EventStore; states: States; sealer: Sealer }

/** Makes the parts of one chunk; ids are derived and streams must be new, so that twice is once. */
export async function makeParts(ports: PartsPorts, job: Job): Promise<Handled> {
  const { bus, commands, store, states, sealer } = ports;
  const id = job.stream.slice('batch-'.length);
  const b = (await states.read(batch, job.stream)).state as Batch;
  if (parts.next(b, id)?.id !== job.id) return 'drop';
  const [event] = await store.read(job.stream, b.made, 1); // chunk n is the stream's event n
  const chunk = event!.data as Stored<BatchEvents['BatchItemsAdded']>;
  const opened = await sealer.open(chunk.items.flatMap((i) => [i.recipient, i.body, i.metadata]));
  const context = { principal: event!.metadata.principal, correlationId: event!.metadata.correlationId, causationId: event!.id };
  const skipped: number[] = [], making: AcceptMessage[] = [];
  chunk.items.forEach((item, i) => {
    const [recipient, body, metadata] = opened.slice(3 * i, 3 * i + 3);
    if (recipient == null || body == null) { skipped.push(item.index); return; }
    making.push(new AcceptMessage(`${id}.${item.index}`, {
      ...chunk.terms[item.gateway]!, owner: chunk.owner, channel: item.channel, gateway: item.gateway, address: item.address, recipient, sender: null, body, metadata: metadata ?? null,
      segments: item.segments, fingerprint: '', shape: 'native', acceptedAt: b.acceptedAt, sendAt: item.sendAt, expiresAt: item.expiresAt, batch: id,
    }, context));
  });
  await commands.createMany(message, making);
  await bus.execute(new RecordPartsMade(id, { chunk: chunk.chunk, items: chunk.items.length, skipped }, { ...context, principal: 'system:worker' }));
  return 'done';
}

import { openEmbedded } from '#libs/engines/embedded/embedded';
import type { ReadModels } from '#libs/event-sourcing/ports/read-models';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { messageLog } from '#projections/message-log/message-log.projection';
import type { Sink } from './load/tools.js';

/** What was to be sent was sent, once each. @throws Error when not */
export async function exactly(messages: number, upstream: Sink): Promise<void> {
  const seen = await upstream.stats();
  if (seen.calls !== messages || seen.distinct !== messages || seen.duplicates > 0 || seen.without_key > 0) {
    throw new Error(`${messages} messages were to be sent, once each; the gateway saw ${JSON.stringify(seen)}`);
  }
}

/** The view shows so many messages, all of them sent. @throws Error when not */
export async function shownAsSentIn(readModels: ReadModels, messages: number): Promise<void> {
  await readModels.define({ name: collectionOf(messageLog), indexes: messageLog.indexes });
  const [all, sent] = await Promise.all([readModels.count(collectionOf(messageLog), {}), readModels.count(collectionOf(messageLog), { status: { eq: 'sent' } })]);
  if (all !== messages || sent !== messages) throw new Error(`${messages} messages were accepted; the view shows ${all}, of them ${sent} as sent`);
}

/** The view on the disk shows so many messages, all of them sent. For a folder that no server holds. @throws Error when not */
export async function shownAsSent(dataDir: string, messages: number): Promise<void> {
  const engine = await openEmbedded({ dir: dataDir });
  try { await shownAsSentIn(engine.readModels, messages); } finally { await engine.close(); }
}

import type { Sensitive } from '#libs/event-sourcing/sealed';
import type { AddressKind } from '../message/message.events.js';
import type { RetryPolicy } from '../message/retry-policy.js';

/** How a gateway treats the parts of a batch: fixed when the batch is accepted, once per gateway and chunk. */
export interface PartTerms { policy: RetryPolicy; deadlineMs: number; onUnknown: 'retry' | 'hold'; receipts: boolean }

/**
 * A `batch-{id}` stream is a run: the whole intention in chunks, then the promise, then how far its parts are made.
 * These names and shapes are on disk for ever: a change is a new version with an upcast and a golden sample.
 */
export type BatchEvents = {
  /** One chunk of what is to be sent; nothing of it counts before BatchAccepted. */
  BatchItemsAdded: {
    owner: string;
    chunk: number;
    /** HMAC of the whole request, under the owner's key */
    fingerprint: string;
    at: string;
    terms: Record<string, PartTerms>;
    items: {
      /** place in the request; the part's id is `{batch}.{index}` */
      index: number;
      channel: string;
      gateway: string;
      /** what kind of address the recipient is */
      address: AddressKind;
      recipient: Sensitive<string>;
      body: Sensitive<string>;
      metadata: Sensitive<string> | null;
      segments: number | null;
      sendAt: string | null;
      expiresAt: string | null;
    }[];
  };
  /** The promise: from here on the parts are made. */
  BatchAccepted: { count: number; chunks: number; at: string };
  /** The parts of the first `chunks` chunks have streams of their own, `made` items in all; `skipped` (of this step) had been erased before. */
  BatchPartsMade: { chunks: number; made: number; skipped: number[]; at: string };
};

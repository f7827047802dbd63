import { parentPort, workerData } from 'node:worker_threads';

/** What a thread does for its line (`thread-link.ts`): a batch of requests in, an answer for each out. */
export interface Served {
  ready: unknown;
  run(requests: unknown[]): unknown[];
  close(): void;
}

/**
 * Serves when this module was started as the named thread; does nothing when it is imported by a test.
 * Thread files run from source too, with types stripped by Node: no enums, and runtime imports by `#libs/` only.
 */
export function serve<Data>(thread: string, start: (data: Data) => Served): void {
  const port = parentPort;
  const data = workerData as ({ thread?: string } & Data) | null;
  if (!port || data?.thread !== thread) return;
  let served: Served;
  try {
    served = start(data);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    port.postMessage(isDamage(error) ? { damaged: text } : { failed: text });
    return;
  }
  port.on('message', (message: unknown[] | 'close') => {
    if (message !== 'close') return port.postMessage(served.run(message));
    served.close();
    port.close();
  });
  port.postMessage({ ready: served.ready });
}

/** The file itself is wrong (SQLITE_CORRUPT, SQLITE_NOTADB, or what was found on opening), not the moment. */
export const isDamage = (error: unknown): boolean => {
  const { errcode, damage } = error as { errcode?: number; damage?: boolean };
  return damage === true || (errcode !== undefined && ((errcode & 0xff) === 11 || errcode === 26));
};

/** Mistakes in what was asked (an SQL text, a value of the wrong kind): the caller's, not the disk's. */
const MISTAKES = new Set([1, 18, 19, 20, 21, 25]);
export const isDisk = (error: unknown): boolean => {
  const { code, errcode } = error as { code?: string; errcode?: number };
  return code === 'ERR_SQLITE_ERROR' && !MISTAKES.has((errcode ?? 0) & 0xff);
};

/** One answer: what the work gives, or whose fault it is that there is none. */
export function answer(work: () => unknown): unknown {
  try {
    return { value: work() };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return isDamage(error) ? { damaged: text } : isDisk(error) ? { unavailable: text } : { defect: text };
  }
}

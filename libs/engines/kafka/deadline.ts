import { Unavailable } from '#libs/event-sourcing/errors';
import type { Clock } from '#libs/event-sourcing/running/clock';

/** What `work` answers, or Unavailable after so many milliseconds; the work itself goes on. */
export function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const off = clock.after(ms, () => reject(new Unavailable('Kafka', undefined, { cause: new Error(`no answer within ${ms} ms`) })));
    work.then(resolve, reject).finally(off);
  });
}

/** Resolves after so many milliseconds, or once the signal aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const off = clock.after(ms, () => { signal.removeEventListener('abort', end); resolve(); });
    const end = (): void => { off(); resolve(); };
    signal.addEventListener('abort', end, { once: true });
  });
}

/** A clock whose timers can all be called off at once. */
export function timers(clock: Clock): { clock: Clock; callOff(): void } {
  const open = new Set<() => void>();
  return {
    clock: {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (ms, call) => {
        const cancel = clock.after(ms, () => { open.delete(off); call(); });
        const off = (): void => { open.delete(off); cancel(); };
        open.add(off);
        return off;
      },
    },
    callOff: () => { for (const off of [...open]) off(); },
  };
}

/** Why something failed, in a line that may be shown: the innermost error of what a driver wraps. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const inner: unknown = error.cause ?? ('errors' in error && Array.isArray(error.errors) ? error.errors[0] : undefined);
  return inner instanceof Error && inner !== error ? reasonOf(inner) : `${error.name}: ${error.message}`.slice(0, 200);
}

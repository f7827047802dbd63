import { Unavailable } from '#libs/event-sourcing/errors';

const TRIES = 3;

/** Opens what stands on servers: one that was too busy to answer in its time may answer the next try. What a try had opened it has closed itself. @throws what the last try threw, or at once what is no server's */
export async function patiently<T>(open: () => Promise<T>, again: (what: string) => void): Promise<T> {
  for (let tries = 1; ; tries++) {
    try { return await open(); } catch (error) {
      if (tries === TRIES || !(error instanceof Unavailable)) throw error;
      again(error.message);
    }
  }
}

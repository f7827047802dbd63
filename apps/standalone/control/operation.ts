import type { JSONSchemaType } from 'ajv';
import type { StreamCommand } from '#libs/event-sourcing/decider';
import type { Clock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import type { Secrets } from '#libs/identity/certificate/secrets-folder';
import type { Configuration } from '#libs/platform/configuration/configuration';

/** The parts of a house that operations work with: those of the running server, or the same ones opened by the command line alone. */
export interface Parts {
  configuration: Configuration;
  secrets: Secrets;
  kernel: Kernel;
  clock: Clock;
  /** so many bytes from a cryptographic source */
  random: (bytes: number) => Buffer;
  /** whether views are being kept up by followers here; else they are brought up to the log before they are read */
  following: boolean;
}

/** How far a long piece of work is; `of` is null where nobody knows. `share` (0 to 1) is an estimate for the eye. */
export interface Progress { done: number; of: number | null; unit: string; share?: number }

export interface Running {
  progress(at: Progress): void;
  /** aborts when the server is about to end */
  signal: AbortSignal;
}

/** One thing that an administrator may ask for: a schema for what is given, what it does, what comes of it (plain JSON). */
export interface Operation<Given extends object, Result> {
  given: JSONSchemaType<Given>;
  run(parts: Parts, given: Given, running: Running): Promise<Result>;
}
export const operation = <Given extends object, Result>(o: Operation<Given, Result>): Operation<Given, Result> => o;

/** Whoever may open the socket, or the folder itself, is its administrator. */
export const LOCAL = 'local:cli';

export const contextOf = ({ random }: Parts): StreamCommand['context'] => {
  const id = `cli_${random(16).toString('hex')}`;
  return { principal: LOCAL, correlationId: id, causationId: id };
};

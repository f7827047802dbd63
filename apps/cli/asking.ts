import { connect } from 'node:net';
import { Refusal } from '#libs/event-sourcing/errors';
import { parseConfiguration, type Configuration } from '#libs/platform/configuration/configuration';
import { openFolder } from '../standalone/control/folder.js';
import type { Progress } from '../standalone/control/operation.js';
import type { GivenOf, OperationName, ResultOf } from '../standalone/control/operations.js';
import { failureOf, perform, type Failure } from '../standalone/control/perform.js';
import { socketPath } from '../standalone/control/socket-path.js';

/** A "no" to what was asked, or a failure: told on stderr, with its exit code. */
export class Failed extends Error {
  constructor(readonly failure: Failure, readonly exit: number) { super(failure.detail || failure.code); }
}

export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3 } as const;

export interface AskOptions { progress?: (at: Progress) => void; env?: NodeJS.ProcessEnv; configuration?: Configuration }

/**
 * Has an operation performed: by the server that runs on the data folder, or here, on the folder itself, where none does.
 * @throws Failed · ConfigurationError · SecretsRefused
 */
export async function ask<N extends OperationName>(name: N, given: GivenOf<N>, options: AskOptions = {}): Promise<ResultOf<N>> {
  const c = options.configuration ?? parseConfiguration(options.env ?? process.env);
  const progress = options.progress ?? (() => undefined);
  // in a cluster nobody holds the data: the command line is one more process on it
  const server = c.engines === 'embedded' ? await askServer(c, name, given, progress) : null;
  if (server) return server.result as ResultOf<N>;
  return await askFolder(c, name, given, progress) as ResultOf<N>;
}

async function askFolder(c: Configuration, operation: OperationName, given: object, progress: (at: Progress) => void): Promise<unknown> {
  const folder = await openFolder(c).catch((error: unknown) => {
    if (error instanceof Error && error.message.startsWith('another process holds')) {
      throw new Failed({ code: 'held', detail: `Another process holds the data folder ${c.dataDir}, and it does not answer on its control socket: it is starting or ending, or another command is at work. Try again in a moment.` }, EXIT.unreachable);
    }
    throw error;
  });
  try {
    return await perform(folder.parts, { operation, given }, { progress, signal: new AbortController().signal });
  } catch (error) {
    throw new Failed(failureOf(error), EXIT.failed);
  } finally { await folder.close(); }
}

/** Null where no server listens. */
async function askServer(c: Configuration, operation: OperationName, given: object, progress: (at: Progress) => void): Promise<{ result: unknown } | null> {
  const socket = connect(socketPath(c.dataDir));
  const connected = await new Promise<boolean>((resolve, reject) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(false);
      else reject(new Failed({ code: 'unreachable', detail: `The control socket of the running server cannot be opened (${error.code ?? error.message}): run this as the user whom ${c.dataDir} belongs to.` }, EXIT.unreachable));
    });
  });
  if (!connected) return null;
  const interrupted = new Failed({ code: 'interrupted', detail: 'The server ended before it answered. What was asked for may have been done: look before asking again.' }, EXIT.unreachable);
  socket.setEncoding('utf8');
  socket.write(`${JSON.stringify({ operation, given })}\n`);
  let text = '';
  try {
    for await (const chunk of socket as AsyncIterable<string>) {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const said = JSON.parse(line) as { progress: Progress } | { result: unknown } | { error: Failure };
        if ('progress' in said) progress(said.progress);
        else if ('result' in said) return said;
        else throw new Failed(said.error, EXIT.failed);
      }
    }
  } catch (error) {
    throw error instanceof Failed ? error : interrupted;
  } finally { socket.destroy(); }
  throw interrupted;
}

/** What any error is told as, and the exit code it leads to. */
export function told(error: unknown): Failed {
  if (error instanceof Failed) return error;
  const { name } = error as Error;
  const usage = name === 'ConfigurationError';
  return new Failed(error instanceof Refusal ? failureOf(error) : { code: name === 'SecretsRefused' ? 'secrets' : usage ? 'configuration' : 'failed', detail: error instanceof Error ? error.message : String(error) }, usage ? EXIT.usage : EXIT.failed);
}

import { connect } from 'node:net';

export interface RawAnswer {
  /** status of every answer on the connection, in order */
  statuses: number[];
  status: number;
  headers: Record<string, string>;
  body: string;
  /** the whole connection */
  text: string;
}

/**
 * Writes these bytes to a loopback port exactly as they are, and resolves once the server has closed the connection.
 * A text is sent as latin1, so `\xff` is that byte. `chunks` are written one after another, each after `turn()`.
 */
export function exchange(port: number, bytes: string | Buffer | readonly (string | Buffer)[], turn: () => Promise<void> = () => Promise.resolve()): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const received: Uint8Array[] = [];
    const socket = connect({ host: '127.0.0.1', port });
    const done = (): void => resolve(parseAnswer(Buffer.concat(received).toString('latin1')));
    socket.on('data', (chunk) => received.push(chunk as Buffer));
    socket.on('close', done);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // the server may close while we still write; what it answered before that counts
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') reject(error);
    });
    socket.on('connect', () => {
      void (async () => {
        for (const chunk of typeof bytes === 'string' || Buffer.isBuffer(bytes) ? [bytes] : bytes) {
          if (socket.writable) socket.write(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk);
          await turn();
        }
      })();
    });
  });
}

/** A request with a Host and `Connection: close`, so that `exchange` ends after its answer. */
export const request = (line: string, headers: readonly string[] = [], body = ''): string =>
  [`${line} HTTP/1.1`, 'Host: api.example.com', 'Connection: close', ...headers, '', body].join('\r\n');

/** The same with a JSON body and its length. */
export const jsonRequest = (line: string, body: string | Buffer, headers: readonly string[] = ['Content-Type: application/json']): Buffer => {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return Buffer.concat([Buffer.from(request(line, [...headers, `Content-Length: ${bytes.length}`]), 'latin1'), bytes]);
};

function parseAnswer(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const headers: Record<string, string> = {};
  for (const line of head.split('\r\n').slice(1)) headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 1).trim();
  const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((m) => Number(m[1]));
  return { statuses, status: statuses[0] ?? 0, headers, body: rest.join('\r\n\r\n'), text };
}

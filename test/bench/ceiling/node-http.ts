/** The ceiling: node:http that reads a POST and answers 202, and does nothing else. Prints {"port":N} once it listens; ends on SIGTERM. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((request, answer) => {
  request.resume().once('end', () => { answer.writeHead(202, { 'content-type': 'application/json' }).end('{"id":"msg_0","status":"queued"}'); });
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })));
process.once('SIGTERM', () => process.exit(0));

/** Programs at the other end of many WebSockets, in a thread of their own: they only count what comes. */
import { parentPort, workerData } from 'node:worker_threads';
import { WebSocket } from 'ws';

/** `each`: frames that every socket waits for, again and again; a word goes back each time all have come. */
export interface Readers { thread: string; url: string; sockets: number; each: number }

async function read({ url, sockets, each }: Readers): Promise<void> {
  let come = 0;
  const opened = Array.from({ length: sockets }, () => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    socket.on('message', () => { if (++come % (sockets * each) === 0) parentPort!.postMessage('all'); });
    return new Promise<WebSocket>((resolve, reject) => { socket.once('open', () => resolve(socket)).once('error', reject); });
  });
  const open = await Promise.all(opened);
  parentPort!.once('message', () => { for (const socket of open) socket.terminate(); parentPort!.close(); });
  parentPort!.postMessage('open');
}

if (parentPort && (workerData as Readers | null)?.thread === 'readers') void read(workerData as Readers);

import type { FastifyInstance } from 'fastify';
import { inRanges } from '#libs/settings/form';

const LOOPBACK = ['127.0.0.0/8', '::1'];

/**
 * A proxy on this machine that nobody named makes everybody one of this machine: metrics and the description of the API are open to
 * all that it lets through, and lists of addresses and limits see it alone. Said once per process.
 * @param trusts whether what an address says of whom it speaks for is believed
 */
export function noticeUnnamedProxy(instance: FastifyInstance, trusts: (address: string) => boolean, say: () => void): void {
  let said = false;
  instance.addHook('onRequest', function unnamedProxy({ raw }, _reply, done) {
    const address = raw.socket.remoteAddress;
    if (!said && raw.headers['x-forwarded-for'] !== undefined && address !== undefined && inRanges(address, LOOPBACK) && !trusts(address)) {
      said = true;
      say();
    }
    done();
  });
}

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import { createServer as createHttps, type Server } from 'node:https';
import { createServer as createTcp, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { createEgress, type EgressOptions, type GuardedEgress } from '#libs/platform/egress/egress.client';
import { ManualClock, until } from '#libs/platform/egress/manual-clock';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 86_400_000;
const pem = async (key: CryptoKey): Promise<string> => x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
const newKeys = () => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

interface Leaf { cert: string; key: string }
let authority: x509.X509Certificate;
let leaves: Record<'good' | 'expired' | 'wrong name' | 'self-signed' | 'not yet valid', Leaf>;

beforeAll(async () => {
  const caKeys = await newKeys();
  authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Test authority', keys: caKeys, signingAlgorithm: algorithm, notBefore: new Date(Date.now() - 100 * DAY), notAfter: new Date(Date.now() + DAY),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const leaf = async (name: string, from: number, to: number, selfSigned = false): Promise<Leaf> => {
    const keys = await newKeys();
    const cert = await x509.X509CertificateGenerator.create({
      subject: `CN=${name}`, issuer: selfSigned ? `CN=${name}` : authority.subject, publicKey: keys.publicKey, signingKey: selfSigned ? keys.privateKey : caKeys.privateKey,
      signingAlgorithm: algorithm, notBefore: new Date(Date.now() + from * DAY), notAfter: new Date(Date.now() + to * DAY),
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
    });
    return { cert: cert.toString('pem'), key: await pem(keys.privateKey) };
  };
  leaves = {
    good: await leaf('hooks.example.com', -1, 1), expired: await leaf('hooks.example.com', -10, -1), 'wrong name': await leaf('other.example.com', -1, 1),
    'self-signed': await leaf('hooks.example.com', -1, 1, true), 'not yet valid': await leaf('hooks.example.com', 0.5, 1),
  };
});

const servers: (Server | TcpServer)[] = [];
const clients: GuardedEgress[] = [];
const listening = async (server: Server | TcpServer): Promise<number> => {
  servers.push(server);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return (server.address() as AddressInfo).port;
};
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});
afterAll(async () => {
  for (const server of servers) await new Promise((closed) => server.close(closed));
});

function post(port: number, over: Partial<EgressOptions> = {}) {
  const egress = createEgress({
    allow: [{ host: 'hooks.example.com', port }], production: true, resolve: async () => ['127.0.0.1'], tls: { ca: authority.toString('pem') }, ...over,
  });
  clients.push(egress);
  return egress.request({ url: `https://hooks.example.com:${port}/in`, method: 'POST', headers: {}, body: 'x', deadlineMs: 30_000 });
}
/** An https server with this leaf; counts requests and notes the name that it was asked for. */
async function https(leaf: Leaf) {
  const seen = { requests: 0, names: [] as unknown[] };
  const server = createHttps(leaf, (request, response) => {
    seen.requests++;
    request.resume().on('end', () => response.end('here'));
  });
  server.on('secureConnection', (socket) => seen.names.push(socket.servername));
  return { seen, port: await listening(server) };
}

describe('T63: TLS', () => {
  it('T63 a certificate of a trusted authority for the name that was called is accepted', async () => {
    const { seen, port } = await https(leaves.good);
    expect(await post(port)).toMatchObject({ ok: true, status: 200 });
    expect(seen).toEqual({ requests: 1, names: ['hooks.example.com'] });
  });

  it.each(['expired', 'wrong name', 'self-signed', 'not yet valid'] as const)('T63 %s: the call fails, and nothing was sent', async (kind) => {
    const { seen, port } = await https(leaves[kind]);
    // What the environment says about certificates does not matter.
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      expect(await post(port)).toMatchObject({ ok: false, problem: 'tls', sent: false, detail: expect.stringMatching(/^TLS failed: [A-Z_]+$/) });
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
    expect(seen.requests).toBe(0);
  });

  it.each<[string, (socket: Socket) => void]>([
    ['plain HTTP', (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nOK')],
    ['a reset', (socket) => void socket.resetAndDestroy()],
    ['an end', (socket) => void socket.end()],
  ])('T63 T67 %s instead of a handshake: nothing was sent', async (_name, answer) => {
    const port = await listening(createTcp((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => answer(socket));
    }));
    expect(await post(port)).toMatchObject({ ok: false, problem: 'tls', sent: false });
  });

  it('T63 a handshake that never ends is given up after 5 s', async () => {
    const clock = new ManualClock();
    let asked = false;
    const port = await listening(createTcp((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => { asked = true; });
    }));
    const result = post(port, { clock });
    await until(() => asked);
    clock.pass(5_000);
    expect(await result).toEqual({ ok: false, problem: 'tls', sent: false, detail: 'TLS was not agreed in time' });
  });
});

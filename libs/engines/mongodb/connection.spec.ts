import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '#libs/event-sourcing/errors';
import { systemClock } from '#libs/event-sourcing/running/clock';
import { Connection } from './connection.js';
import { openMongoDB } from './mongodb.js';

const open = (url: string): Connection => new Connection(url, systemClock, 1000, 5);

describe('the connection to MongoDB', () => {
  it.each([
    'mongodb://u:s3cret@db.example/', 'mongodb://u:s3cret@127.0.0.1,10.0.0.5/', 'mongodb://u:s3cret@db.example/?tls=false', 'mongodb+srv://u:s3cret@db.example/?tls=false',
    'mongodb://u:s3cret@127.0.0.1.example/', 'mongodb://u:s3cret@db.example/?tls=true&tlsAllowInvalidCertificates=true', 'mongodb://u:s3cret@db.example/?tls=true&tlsInsecure=true', 'mongodb://u:s3cret@db.example/?tls=true&tlsAllowInvalidHostnames=true',
  ])('T76: sends no password in the open, nor to whoever answers: %s', (url) => {
    expect(() => open(url)).toThrow(/over TLS that checks certificates only/);
    expect(() => open(url)).not.toThrow(/s3cret/);
  });

  it.each(['mongodb://u:p@localhost/', 'mongodb://u:p@127.0.0.1:27018,[::1]:27019/', 'mongodb://u:p@db.example/?tls=true', 'mongodb+srv://u:p@db.example/', 'mongodb://db.example/'])('takes %s', async (url) => {
    await open(url).close();
  });

  it('is unavailable within the deadline when nobody answers, and leaves nothing', async () => {
    const began = performance.now();
    await expect(openMongoDB({ url: 'mongodb://127.0.0.1:1', deadlineMs: 300 })).rejects.toBeInstanceOf(Unavailable);
    expect(performance.now() - began).toBeLessThan(3000);
  });

  it('takes only names that a database may have', async () => {
    for (const name of ['', 'a b', 'a.b', '$x', 'x'.repeat(33)]) await expect(openMongoDB({ url: 'mongodb://127.0.0.1:1', name })).rejects.toThrow('a database is named');
  });
});

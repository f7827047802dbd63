import { answer, serve } from '#libs/engines/embedded/serve';

/** A thread that counts its calls, and dies of some. */
serve<{ starts: boolean }>('dying.fixture', ({ starts }) => {
  if (!starts) throw new Error('does not start');
  let calls = 0;
  return {
    ready: 'hello',
    run(requests) {
      if (requests.includes('die')) process.exit(1);
      return requests.map((r) => answer(() => {
        calls++;
        if (r === 'defect') throw new Error('not a thing to ask');
        if (r === 'disk') throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR' });
        return { calls, together: requests.length };
      }));
    },
    close: () => undefined,
  };
});

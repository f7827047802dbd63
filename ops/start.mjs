// `npm start`: builds what is stale, then becomes the server (same process id, so that a signal reaches it and its exit code is ours).
import { become } from './become.mjs';
import { build } from './build.mjs';

const { written } = await build();
if (written > 0) console.error(`built ${written} files`);
become('apps/standalone/main.js', process.argv.slice(2));

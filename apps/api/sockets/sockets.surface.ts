import type { Surface } from '../docs/surface.js';

export const socketsSurface: Surface = {
  tag: { name: 'live', description: 'What happens, as it happens, over a WebSocket' },
  bodies: {}, fields: {}, answers: {},
  operations: {
    SocketsController_open: {
      id: 'openSocket', summary: 'Open a WebSocket',
      description: 'Besides the headers of other routes, a token may stand in the query here: `/ws?token=…`. Frames are flat JSON objects, `{type, …}`: see docs/guides/live.md.',
      answers: { 101: { description: 'The connection speaks WebSocket from now on.', type: 'text/plain', schema: { type: 'string' } } },
      refusals: ['upgrade_required', 'not_found'],
    },
  },
};

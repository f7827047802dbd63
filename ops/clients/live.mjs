// Prints what happens to your messages, as it happens, and what happened while it was cut off. Needs nothing but Node 22 or later, or a browser.
//   TOKEN=hgt_… node ops/clients/live.mjs ws://localhost:8000/ws
const [url, ...events] = process.argv.slice(2);

let position = null, wait = 1_000;

function connect() {
  const socket = new WebSocket(`${url}?token=${encodeURIComponent(process.env.TOKEN)}`);
  socket.onopen = () => {
    // with the position that was seen last, what was missed comes first
    socket.send(JSON.stringify({ type: 'subscribe', events: events.length > 0 ? events : ['message.*'], ...(position ? { position } : {}) }));
  };
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.position) position = frame.position;
    // too long away: read the lists, then go on from now
    if (frame.code === 'too_far_back') position = null;
    wait = 1_000;
    console.log(JSON.stringify(frame));
  };
  socket.onclose = ({ code, reason }) => {
    console.error(`closed: ${code} ${reason}`);
    if (code === 4401) process.exit(1); // signed out: connecting again will not help
    setTimeout(connect, wait);
    wait = Math.min(wait * 2, 30_000);
  };
}
connect();

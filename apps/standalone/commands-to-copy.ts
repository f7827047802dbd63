/** Where the client sends to unless told. */
const USUAL_PORT = 8001;

/** What a start prints to be copied: one command sends a message over mutual TLS, one shows it. `demo`: the folder of a client's certificate. */
export const commandsToCopy = (demo: string, mtlsPort: number): string[] => [
  'Send a message, over mutual TLS:',
  `  python3 ops/clients/send_message.py --sender "+15550001111" --message "Hello" --cert ${demo}/client.crt --key ${demo}/client.key${mtlsPort === USUAL_PORT ? '' : ` --url https://localhost:${mtlsPort}/api/v1/messages`}`,
  'See its life (take the id that the first command printed; without an id it shows the newest):',
  '  npx heliograph messages replay',
];

/** Where the broker of the tests is. @throws Error when none was started */
export function brokers(): string[] {
  const named = process.env['KAFKA_BROKERS'];
  if (!named) throw new Error('KAFKA_BROKERS is not set: `npm run test:engines` starts what is missing.');
  return named.split(',');
}

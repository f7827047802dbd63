import { InvalidArgumentError } from 'commander';

/** A whole number within bounds, as commander parses an option. */
export const whole = (least: number, most: number) => (text: string): number => {
  const n = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(n >= least && n <= most)) throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  return n;
};

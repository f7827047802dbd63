/** The first text after all that begin with this one. */
export function afterPrefix(prefix: string): string {
  const points = Array.from(prefix, (c) => c.codePointAt(0)!);
  while (points.length > 0 && points.at(-1) === 0x10ffff) points.pop();
  if (points.length === 0) return '';
  const last = points.at(-1)!;
  points[points.length - 1] = last === 0xd7ff ? 0xe000 : last + 1;
  return String.fromCodePoint(...points);
}

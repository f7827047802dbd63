/**
 * The first key that one object of this text gives twice, or undefined. For texts that JSON.parse has accepted:
 * the slow second look, taken only once a duplicate is known to be there.
 */
export function duplicateKeyOf(json: string): string | undefined {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/gs;
  const open: (Set<string> | null)[] = [];
  let last = '';
  for (const [text] of json.matchAll(token)) {
    if (text === '{') open.push(new Set());
    else if (text === '[') open.push(null);
    else if (text === '}' || text === ']') open.pop();
    else if (text === ':') {
      // "a" and "\u0061" are one key: compared as read, not as written
      const key = JSON.parse(last) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
    last = text;
  }
  return undefined;
}

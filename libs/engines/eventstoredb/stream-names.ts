/** What our streams are called in EventStoreDB, `{prefix}{stream}`: others, also another house of ours, keep theirs beside them. */
export class StreamNames {
  /** @throws Error for a prefix of EventStoreDB's own streams */
  constructor(readonly prefix: string) {
    if (prefix.startsWith('$')) throw new Error(`streams that begin with $ are EventStoreDB's own, not ${JSON.stringify(prefix)}`);
  }

  stored(stream: string): string { return this.prefix + stream; }

  /** Null where it is EventStoreDB's own or somebody else's. */
  own(stored: string): string | null {
    return stored.startsWith('$') || !stored.startsWith(this.prefix) ? null : stored.slice(this.prefix.length);
  }
}

/** @param prefixes what our streams' own names begin with; all, if empty */
export const matcher = (prefixes: readonly string[]): (stream: string) => boolean =>
  prefixes.length === 0 ? () => true : (stream) => prefixes.some((p) => stream.startsWith(p));

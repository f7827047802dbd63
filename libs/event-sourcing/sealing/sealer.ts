import type { AnyDecider } from '../decider.js';
import { Damaged } from '../errors.js';
import { ERASED, headerText, parseSealed, sealedOf, type Period, type Seal, type Sealed, type Subject } from '../sealed.js';
import { APART, decrypt, encrypt, type Keyring, type SubjectKey } from './keyring.js';

interface Decided { type: string; data: unknown }

const nameOf = (s: Subject): string => ('id' in s ? s.id : `${s.kind}:${s.value}`);

/** Only the one spelling that was written: a decoder passes over what it does not know. */
function bytesOf(box: string): Buffer {
  const bytes = Buffer.from(box, 'base64url');
  if (bytes.toString('base64url') !== box) throw new Error('not the spelling that was written');
  return bytes;
}

/** Seals between decide and append, and opens at the last moment. */
export class Sealer {
  constructor(readonly keyring: Keyring) {}

  /**
   * The events as they are stored: the decider's `seal` functions are run twice, once to collect whose keys are needed
   * (one call to the directory), once to seal. `periods` has one entry per event.
   */
  async seal(d: AnyDecider, stream: string, revision: number, events: readonly Decided[], periods: readonly Period[], state: unknown): Promise<unknown[]> {
    const wanted = new Map<string, Subject>();
    const id = stream.slice(d.stream.length + 1);
    const collect: Seal = {
      seal: (_field: string, value: string | null, subject: Subject) => { if (value !== null) wanted.set(nameOf(subject), subject); return null as never; },
      fingerprint: (_value, subject) => { wanted.set(nameOf(subject), subject); return ''; },
    };
    for (const e of events) d.seal?.[e.type]?.(e.data as never, collect, state as never, id);
    if (wanted.size === 0) return events.map((e) => e.data);
    const names = [...wanted.keys()];
    const found = await this.keyring.subjects([...wanted.values()]);
    const subjects = new Map(names.map((n, i) => [n, found[i]!]));
    const sealed: unknown[] = [];
    for (let i = 0; i < events.length; i++) {
      const { type, data } = events[i]!;
      const sealEvent = d.seal?.[type];
      if (!sealEvent) { sealed.push(data); continue; }
      const period = periods[i]!;
      const periodKey = await this.keyring.period(period);
      sealed.push(sealEvent(data as never, this.#sealing(subjects, period, periodKey, type, revision + i, stream), state as never, id));
    }
    return sealed;
  }

  #sealing(subjects: Map<string, SubjectKey>, period: Period, periodKey: SubjectKey, type: string, revision: number, stream: string): Seal {
    const seal = (field: string, value: string | null, of: Subject): Sealed<never> | null => {
      if (value === null) return null;
      const subject = subjects.get(nameOf(of))!;
      const key = this.keyring.dataKey(subject, periodKey, period);
      if (!key) return ERASED;
      const header = headerText({ subject: subject.id, ...period, field, type, revision, stream });
      return sealedOf(header, encrypt(key, value, header).toString('base64url'));
    };
    return { seal: seal as Seal['seal'], fingerprint: (value, of) => this.keyring.fingerprint(subjects.get(nameOf(of))!, value) };
  }

  /** The plain values, null where the subject or the period was forgotten. One call to the directory for all. @throws Damaged */
  async open(values: readonly (Sealed<string> | null)[]): Promise<(string | null)[]> {
    const parsed = values.map((v) => (v === null ? null : parseSealed(v)));
    const ids = new Set<string>();
    for (const p of parsed) if (p && p !== 'erased') ids.add(p.fields.subject);
    const keys = await this.keyring.byId([...ids]);
    const opened: (string | null)[] = [];
    for (const p of parsed) {
      if (!p || p === 'erased') { opened.push(null); continue; }
      const period = { category: p.fields.category, day: p.fields.day };
      const subject = keys.get(p.fields.subject);
      // forgotten is erased; what was never issued is a directory of another house, and erasing it would be for good
      if (!subject) throw new Damaged(`the key of a sealed value of ${p.fields.stream} was never issued by this key directory: ${APART}`);
      const key = this.keyring.dataKey(subject, await this.keyring.period(period), period);
      if (!key) { opened.push(null); continue; }
      try { opened.push(decrypt(key, bytesOf(p.box), p.header).toString('utf8')); }
      catch { throw new Damaged(`a sealed value of ${p.fields.stream} (revision ${p.fields.revision}, ${p.fields.field}) is not what was written`); }
    }
    return opened;
  }
}

/** Characters (code points) of a password. */
export const LEAST = 8;
export const MOST = 128;

/** The setting `authentication.password_policy`. `standard`: sign-up asks for the length alone, as the manuals' own samples need it. */
export const PASSWORD_POLICIES = ['standard', 'strong'] as const;
export type PasswordPolicy = (typeof PASSWORD_POLICIES)[number];
/** On which occasion a password is chosen: `own`: at sign-up; `changed`: whenever one is changed, or set by an administrator. */
export type PasswordOccasion = 'own' | 'changed';

const length = (text: string): number => [...text.normalize('NFC')].length;

/** Text that a hash may be made of at all. Half a surrogate pair would be hashed as another text. */
export const isHashable = (text: string): boolean => text.length <= 4 * MOST && text.isWellFormed() && length(text) <= MOST;

/** S1's rule: a letter of each case and a digit. */
const S1_RULE: readonly [RegExp, string][] = [[/\p{Lu}/u, 'an upper-case letter'], [/\p{Ll}/u, 'a lower-case letter'], [/\p{Nd}/u, 'a digit']];

export interface PasswordAsk {
  policy: PasswordPolicy;
  occasion: PasswordOccasion;
  /** what its owner is called: as a password it is the first guess */
  names: readonly (string | null)[];
  /** whether it stands in a list of those that everybody uses; asked under `strong` alone */
  isCommon: (text: string) => boolean;
}

/** What is wrong with a password, as a sentence's end; `[]` where it is good enough. */
export function passwordProblems(text: string, { policy, occasion, names, isCommon }: PasswordAsk): string[] {
  if (!isHashable(text) || length(text) < LEAST) return [`must be a text of ${LEAST} to ${MOST} characters`];
  if (policy === 'standard' && occasion === 'own') return [];
  const missing = S1_RULE.flatMap(([rule, what]) => (rule.test(text) ? [] : [what]));
  const problems = missing.length > 0 ? [`must hold ${missing.join(', ')}`] : [];
  const folded = text.normalize('NFKC').toLowerCase();
  if (names.some((name) => name !== null && name.normalize('NFKC').toLowerCase() === folded)) problems.push('must not be your own name');
  if (policy === 'strong' && isCommon(folded)) problems.push('is one of the most common passwords; choose another');
  return problems;
}

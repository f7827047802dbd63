/** The most common passwords, lower case, some 40,000 of them. Loaded when it is first asked for: most houses never do. */
export async function commonPasswords(): Promise<ReadonlySet<string>> {
  loaded ??= import('@zxcvbn-ts/language-common').then(({ dictionary }) => new Set(dictionary['passwords-common'].map((word) => word.toLowerCase())));
  return loaded;
}
let loaded: Promise<ReadonlySet<string>> | undefined;

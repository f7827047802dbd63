import { randomBytes } from 'node:crypto';
import { openPeople, type People } from '#apps/standalone/people';
import { systemClock } from '#libs/event-sourcing/running/clock';
import type { Kernel } from '#libs/event-sourcing/running/kernel';
import { newApiKey } from '#libs/identity/credential/api-key';
import { newApiToken } from '#libs/identity/credential/api-token';
import { credential, IssueApiKey, IssueApiToken } from '#libs/identity/credential/credential.decider';
import { ClaimName, name } from '#libs/identity/name/name.decider';
import { accountId } from '#libs/identity/user/accounts';
import { RegisterUser, user } from '#libs/identity/user/user.decider';
import { credentialList } from '#projections/credential-list/credential-list.projection';
import { listCredentials } from '#projections/credential-list/credential-list.reader';
import { userList } from '#projections/user-list/user-list.projection';
import { listUsers, namesOfUsers } from '#projections/user-list/user-list.reader';
import { grouped, telling, type Figure, type Ground } from '../ground.js';
import { openPlace, type Opened } from '../prepared/opened.js';
import { rebuilt } from '../prepared/sent-messages.js';
import { onOneProcessor } from '../one-processor.js';
import { newPlace } from '../server.js';
import type { Reading } from '../statistics.js';

const AT_ONCE = 500;
/** Accounts, and as many as they are compared with. */
const FULL = { few: 1_000, many: 100_000 }, QUICK = { few: 300, many: 3_000 };

const context = { principal: 'local:bench', correlationId: 'bench', causationId: 'bench', creates: true };
const usernameOf = (i: number): string => `person${String(i).padStart(6, '0')}`;
const emailOf = (i: number): string => `${usernameOf(i)}@example.com`;
/** The same in every place, so that both are asked for the same. */
const idOf = (i: number): string => accountId(Date.UTC(2030, 0, 1) + i, Buffer.from(String(i).padStart(10, '0')));

/** ids of credentials, by the number of their owner */
interface Issued { tokens: string[]; keys: string[] }
interface Town { size: number; opened: Opened; people: People; issued: Issued }

/** A folder with so many accounts, each of them with two names, an API token and an API key. */
async function townOf(ground: Ground, size: number): Promise<Town> {
  const opened = await openPlace(newPlace(ground), systemClock);
  const { kernel } = opened;
  const issued: Issued = { tokens: [], keys: [] };
  let made = 0;
  await telling(ground, () => `prepared ${grouped(made)} of ${grouped(size)} accounts`, async () => {
    for (; made < size; made += AT_ONCE) await settle(kernel, Array.from({ length: Math.min(AT_ONCE, size - made) }, (_, i) => made + i), issued);
  });
  for (const view of [userList, credentialList]) await rebuilt(ground, kernel, view.name);
  return { size, opened, issued, people: openPeople(kernel, { clock: systemClock, random: randomBytes, passwordPolicy: () => 'standard' }) };
}

async function settle({ commands, keyring }: Kernel, numbers: readonly number[], issued: Issued): Promise<void> {
  const subjects = await keyring.subjects(numbers.flatMap((i) => [{ kind: 'account' as const, value: `name:${usernameOf(i)}` }, { kind: 'email' as const, value: emailOf(i) }]));
  await commands.createMany(name, numbers.flatMap((i, at) => [
    new ClaimName(subjects[2 * at]!.id, { user: idOf(i), kind: 'username' }, context), new ClaimName(subjects[2 * at + 1]!.id, { user: idOf(i), kind: 'email' }, context),
  ]));
  await commands.createMany(user, numbers.map((i) => new RegisterUser(idOf(i), { username: usernameOf(i), email: emailOf(i), fullName: `Person ${i}`, role: 'user', password: '$argon2id$none', mustChange: false, origin: 'import' }, context)));
  const tokens = numbers.map(() => newApiToken(randomBytes));
  await commands.createMany(credential, tokens.map(({ id, sha256 }, at) => new IssueApiToken(id, { owner: idOf(numbers[at]!), role: 'user', sha256, expiresAt: null }, context)));
  const keys = numbers.map(() => newApiKey(randomBytes, (purpose, text) => keyring.mac(purpose, text)));
  await commands.createMany(credential, keys.map(({ id, prefix, mac }, at) => new IssueApiKey(id, { owner: idOf(numbers[at]!), name: 'bench', description: null, scopes: ['messages:read'], prefix, mac, days: 365 }, context)));
  issued.tokens.push(...tokens.map(({ id }) => id));
  issued.keys.push(...keys.map(({ id }) => id));
}

type LookUp = (town: Town, i: number) => Promise<boolean>;
const LOOK_UPS: Record<string, LookUp> = {
  // the way to a thread and back, which is part of each of the others
  'an empty question': async ({ opened }) => (await opened.engine.keys.find([])).length === 0,
  'who is called so (username)': async ({ people }, i) => await people.accounts.find(usernameOf(i).toUpperCase()) === idOf(i),
  'who is called so (e-mail)': async ({ people }, i) => await people.accounts.find(emailOf(i)) === idOf(i),
  'who is not there': async ({ people }, i) => await people.accounts.find(`nobody${i}`) === null,
  'an account by its id': async ({ people }, i) => (await people.accounts.state(idOf(i)))?.status === 'active',
  'a token by its id': async ({ opened, issued }, i) => (await opened.kernel.states.read(credential, `credential-${issued.tokens[i]}`)).state !== null,
  'an API key by its id': async ({ opened, issued }, i) => (await opened.kernel.states.read(credential, `credential-${issued.keys[i]}`)).state !== null,
  'the API keys of somebody': async ({ opened, issued }, i) => (await listCredentials(opened.engine.readModels, { kind: 'api-key', owner: idOf(i) }, 50)).credentials[0]?.id === issued.keys[i],
  'a page of the list (50)': async ({ opened, size }, i) => (await listUsers(opened.engine.readModels, {}, 50, i === 0 ? undefined : [0, usernameOf(Math.min(i, size - 60)), idOf(Math.min(i, size - 60))])).users.length === 50,
  'a search by beginning': async ({ opened }, i) => (await listUsers(opened.engine.readModels, { search: usernameOf(i) }, 50)).users.length === 1,
  'names of 50 at once': async ({ opened, size }, i) => (await namesOfUsers(opened.engine.readModels, Array.from({ length: 50 }, (_, k) => idOf((i + k) % size)))).size === 50,
};

/** Microseconds of one look-up in each town, of people spread over the whole of both. The towns take turns at every single one. */
async function each(towns: readonly [Town, Town], what: string, round: number, asked: number): Promise<[number, number]> {
  const took: [number, number] = [0, 0];
  for (const { opened } of towns) opened.kernel.keyring.forgotten();
  for (let i = 0; i < asked; i++) {
    for (const which of i % 2 ? [1, 0] as const : [0, 1] as const) {
      const town = towns[which], whom = (i * Math.floor(town.size / asked) + round) % town.size;
      const began = performance.now();
      if (!await LOOK_UPS[what]!(town, whom)) throw new Error(`${what}: not found at ${grouped(town.size)} accounts`);
      took[which] += performance.now() - began;
    }
  }
  return [took[0] * 1000 / asked, took[1] * 1000 / asked];
}

/** All look-ups in both towns, in turn. */
async function readings(towns: readonly [Town, Town], asked: number, repeats: number): Promise<Reading[]> {
  const all: Reading[] = [];
  for (const what of Object.keys(LOOK_UPS)) {
    const samples: number[] = [], ceilings: number[] = [];
    await each(towns, what, repeats, asked);
    for (let round = 0; round < repeats; round++) {
      const [few, many] = await each(towns, what, round, asked);
      ceilings.push(few);
      samples.push(many);
    }
    // flat: a hundred times as many may cost two more levels of a tree, not a hundred times the time
    all.push({ figure: 'look-ups', what: `${what}, ${grouped(towns[1].size)} accounts`, unit: 'µs', samples, ceilings, aims: [{ of: 'ratio', atMost: 2 }] });
  }
  return all;
}

export const lookUps: Figure = {
  name: 'look-ups',
  about: 'who is called so, accounts, tokens, keys and lists at 100,000 accounts against the same at 1,000 (quick 3,000 and 300); nothing remembered, within one process on one processor',
  async measure(ground) {
    const towns: Town[] = [], { few: small, many: large } = ground.quick ? QUICK : FULL;
    // each round asks for others, so that nobody is remembered: as many as the small town has people for all rounds and one to warm up
    const asked = Math.floor(small / (ground.repeats + 1));
    try {
      for (const size of [small, large]) towns.push(await townOf(ground, size));
      return await onOneProcessor(() => readings(towns as [Town, Town], asked, ground.repeats));
    } finally {
      for (const { opened } of towns) await opened.close();
    }
  },
};

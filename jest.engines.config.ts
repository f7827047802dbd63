import type { Config } from 'jest';
import base from './jest.config.ts';

/** What needs the cluster's servers: `npm run test:engines` starts them and runs this. */
export default {
  ...base,
  roots: ['<rootDir>/test/engines/cluster', '<rootDir>/test/journeys', '<rootDir>/test/reliability/cluster'],
  testEnvironment: '<rootDir>/test/engines/patient-environment.mjs',
  testPathIgnorePatterns: ['/node_modules/'],
  // most of it waits for servers
  maxWorkers: 2,
  testTimeout: 60_000,
} satisfies Config;

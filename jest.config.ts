import { readFileSync } from 'node:fs';
import type { Config } from 'jest';

const { $schema: _, ...swc } = JSON.parse(readFileSync(new URL('./.swcrc', import.meta.url), 'utf8'));

export default {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/projections', '<rootDir>/test'],
  // a shared machine may be ten times slower than a quiet one
  testTimeout: 20_000,
  testRegex: '\\.spec\\.ts$',
  // these need the cluster's servers: jest.engines.config.ts
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/engines/cluster/', '<rootDir>/test/reliability/cluster/'],
  moduleFileExtensions: ['js', 'mjs', 'cjs', 'ts', 'json', 'node'],
  extensionsToTreatAsEsm: ['.ts'],
  setupFiles: ['<rootDir>/jest.setup.mjs'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['@swc/jest', { ...swc, swcrc: false, sourceMaps: 'inline' }] },
  reporters: ['default', '<rootDir>/test/closing-line.reporter.mjs'],
} satisfies Config;

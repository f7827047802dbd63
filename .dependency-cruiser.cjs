// Who may know whom: docs/architecture.md, kept by a machine. `npm run check` runs it.
const DECISION = String.raw`\.(decider|process|reaction|projection|events)\.ts$`;
const SPEC = String.raw`\.(spec|contract|samples|fixture)\.ts$|(^|/)testing/`;
const CONTEXTS = 'messaging|conversations|audience|notifications|identity|settings';
const DRIVERS = String.raw`node_modules/(mongodb|kafkajs|@eventstore)/|^(node:)?sqlite$`;
const rule = (name, comment, from, to) => ({ name, severity: 'error', comment, from, to });

module.exports = {
  forbidden: [
    rule('no-circles', 'Modules that know each other in a circle cannot be read one at a time. Move what both need into a third.', {}, { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } }),
    rule('decisions-are-pure', 'A decision imports nothing from Node or npm: what it needs from outside comes in the command.',
      { path: DECISION, pathNot: SPEC }, { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'] }),
    rule('kernel-knows-nobody', 'The kernel knows ports, not engines, contexts, the platform or apps.',
      { path: '^libs/event-sourcing/', pathNot: SPEC }, { path: '^(libs/(?!event-sourcing/)|projections/|apps/)' }),
    rule('engines-know-ports', 'An engine knows the kernel only.',
      { path: '^libs/engines/', pathNot: SPEC }, { path: '^(libs/(?!event-sourcing/|engines/)|projections/|apps/)' }),
    rule('projections-know-events', 'A view knows events and the kernel; its reader and routes may also know who asks and how answers look.',
      { path: '^projections/', pathNot: String.raw`\.(reader|controller|dto|module|guard|socket)\.ts$|` + SPEC }, { path: '^(apps/|libs/)', pathNot: String.raw`^libs/event-sourcing/|\.events\.ts$` }),
    rule('views-know-no-apps', 'Nothing below knows an app.', { path: '^(libs|projections)/' }, { path: '^apps/' }),
    rule('views-know-no-engines', 'A reader asks the port ReadModels.', { path: '^projections/', pathNot: SPEC }, { path: '^libs/engines/' }),
    rule('contexts-know-published-events', "A context knows another's events, not its deciders or modules. (Who asks, `identity/principal`, and what is set, `settings/settings`, are known to all.)",
      { path: `^libs/(${CONTEXTS})/`, pathNot: SPEC }, { path: `^libs/(${CONTEXTS})/`, pathNot: [String.raw`^libs/$1/`, String.raw`\.events\.ts$`, '^libs/identity/principal\\.ts$', '^libs/settings/settings\\.ts$'] }),
    rule('contexts-know-no-engines', 'A context knows ports; one module of engines chooses what is behind them.', { path: `^libs/(${CONTEXTS}|platform)/`, pathNot: SPEC }, { path: '^libs/engines/' }),
    rule('contexts-know-no-views', 'A view is read through its reader, by an app; a context declares what it asks as an interface.',
      { path: '^libs/', pathNot: SPEC }, { path: '^projections/' }),
    rule('platform-knows-no-context', 'The platform serves every app and knows no context but who asks.',
      { path: '^libs/platform/', pathNot: SPEC }, { path: `^libs/(${CONTEXTS})/`, pathNot: '^libs/identity/principal\\.ts$' }),
    rule('only-engines-have-drivers', 'Only libs/engines imports a driver.', { pathNot: '^libs/engines/|^test/' }, { path: DRIVERS }),
    rule('only-egress-connects', 'Every outbound call passes the egress guard. (The rest of this rule, which looks at names and not only at imports, is ops/check/outbound.mjs. With `ws`, libs/platform/sockets serves what others open.)',
      { path: '^(apps|libs|projections)/', pathNot: '^libs/platform/(egress|sockets)/|' + SPEC }, { path: String.raw`node_modules/(undici|axios|got|node-fetch|ws|nodemailer)/` }),
    rule('replay-cannot-send', 'Only the worker performs effects: replay, rebuild and views cannot reach it.',
      { path: '^(projections/|libs/event-sourcing/running/|apps/(projector|cli)/)', pathNot: SPEC }, { path: '^apps/worker/', reachable: true }),
    rule('tests-stay-tests', 'What runs in production imports no spec, contract, sample or test program.', { path: '^(apps|libs|projections)/', pathNot: SPEC }, { path: SPEC + '|^test/' }),
    rule('resolvable', 'An import that leads nowhere.', {}, { couldNotResolve: true, pathNot: '^node:' }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    moduleSystems: ['es6'],
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { conditionNames: ['source', 'import', 'node', 'default'], exportsFields: ['exports'], extensions: ['.ts', '.mjs', '.js', '.json'] },
  },
};

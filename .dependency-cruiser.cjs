// The arrows of docs/architecture.md §2. `from` may import `to` only as these rules leave open.
const shared = (room) => `^packages/shared/src/${room}/`;
const tests = '\\.(test|fixture)\\.ts$';

/** A room of `shared` that may import only the rooms named, besides itself. */
const room = (name, allowed) => ({
  name: `shared-${name}`,
  severity: 'error',
  from: { path: shared(name), pathNot: tests },
  to: { path: '^(packages|test)/', pathNot: [name, ...allowed].map(shared) },
});

/** A package that may import only shared, besides itself. */
const service = (name) => ({
  name: `service-${name}`,
  severity: 'error',
  from: { path: `^packages/${name}/`, pathNot: tests },
  to: { path: '^(packages|test)/', pathNot: [`^packages/${name}/`, '^packages/shared/'] },
});

/** A library that only some places may import. */
const only = (library, places) => ({
  name: `only-${library}`,
  severity: 'error',
  from: { pathNot: [...places, tests] },
  to: { path: `node_modules/${library}/` },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'packages-meet-at-their-exports',
      severity: 'error',
      from: { path: '^(packages/[^/]+|test/simulators)/', pathNot: tests },
      to: { path: '^(packages|test)/', pathNot: '^$1/', dependencyTypes: ['local'] },
    },
    room('domain', []),
    room('contracts', ['domain']),
    room('ledger', ['domain']),
    room('vault', ['domain']),
    room('queues', ['domain', 'contracts']),
    room('upstreams', ['domain', 'contracts']),
    room('telemetry', ['domain']),
    room('config', ['domain', 'contracts']),
    {
      name: 'domain-and-contracts-import-no-library-but-zod',
      severity: 'error',
      from: { path: [shared('domain'), shared('contracts')], pathNot: tests },
      to: { path: 'node_modules/', pathNot: 'node_modules/zod/' },
    },
    service('gateway'),
    service('workers'),
    service('device-bridge'),
    {
      name: 'simulators-know-the-wire-only',
      severity: 'error',
      from: { path: '^test/simulators/', pathNot: tests },
      to: { path: '^(packages|test)/', pathNot: ['^test/simulators/', shared('domain'), shared('contracts')] },
    },
    only('pg', [shared('ledger'), '^test/stack/']),
    only('bullmq', [shared('queues'), '^test/bench/']),
    only('prom-client', [shared('telemetry')]),
    only('pino', [shared('telemetry')]),
    only('(usb|node-hid)', ['^packages/device-bridge/src/transport/']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    exclude: { path: 'node_modules/.*/node_modules/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};

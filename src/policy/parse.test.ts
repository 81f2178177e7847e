import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BY_ACTIVITY } from '#core/activity.ts'
import { AFFINITY_BY_ACTIVITY } from '#core/affinity.ts'
import type { DomainPolicy, Goal, MetricSourcePolicy, Policy } from '#core/model/policy.ts'
import { parsePolicy, renderFault } from './parse.ts'

function parse(text: string): Policy {
  const parsed = parsePolicy(`apiVersion: reeve/v1\n${text}`, { file: 'policy.yaml' })
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(renderFault).join('\n'))
  return parsed.policy
}

function only<Item>(items: readonly Item[]): Item {
  assert.equal(items.length, 1)
  return items[0]!
}

const domain = (text: string): DomainPolicy => only(parse(`domains:\n  shop: ${text}`).domains)
const goal = (text: string, more = ''): Goal => only(parse(`${more}\ndomains: { shop: {} }\ngoals: [ ${text} ]`).goals)

test('what may be asked for on account of a goal is in the unit of the resource', () => {
  const util = goal('{ domain: shop, kind: utilization, target: 75%, priority: 1, upTo: { cpu: 1.5, memory: 1GiB } }')
  assert.deepEqual(util.upTo, { cpu: 1500, memory: 1024 ** 3 })
  assert.deepEqual(goal('{ domain: shop, kind: utilization, target: 75%, priority: 1 }').upTo, {})
  const fixed = parsePolicy(
    'apiVersion: reeve/v1\ndomains: { shop: {} }\n' +
      'goals: [{ domain: shop, kind: fixed, amounts: { cpu: 2 }, priority: 1, upTo: { cpu: 1 } }]\n',
    { file: 'policy.yaml' },
  )
  assert.ok(!fixed.ok && /unknown key `upTo`/.test(renderFault(only(fixed.faults))))
})

test('defaults leave no holes', () => {
  const policy = parse('')
  assert.deepEqual(
    policy.resources.map(({ key }) => key),
    ['cpu'],
  )
  assert.deepEqual(policy.host, {
    intervalMs: 1000,
    mode: 'advise',
    fairness: 'max-min',
    surplus: 'hold',
    remainder: 'share',
    headroom: { cpu: { fraction: 0.05 } },
    minimum: { cpu: 10 },
    thresholds: {
      cpu: [
        { difference: 0.1, samples: 1 },
        { difference: 0.09, samples: 2 },
        { difference: 0.08, samples: 3 },
      ],
    },
    cooldownMs: 10_000,
    maximumStep: { cpu: 1 },
    minimumChange: { cpu: 0 },
    drift: 'yield',
    without: [],
    quiet: [],
    libvirt: ['qemu:///system'],
  })
  assert.deepEqual(domain('{}'), {
    name: 'shop',
    driver: 'cgroup',
    match: { kind: 'name' },
    parent: null,
    groups: [],
    mode: null,
    role: 'managed',
    controls: ['cpu'],
    enforcement: 'guarantee',
    shares: { cpu: { reservation: null, own: null, lend: true, borrow: true, limit: null, weight: null } },
    placement: { pin: null, near: [], apart: [] },
    metadata: null,
    pauseBelow: null,
    vcpus: null,
    drift: null,
    scheduling: null,
    byActivity: null,
    affinity: null,
  })
})

test('what is written of the host arrives in its units', () => {
  const { host } = parse(`
host:
  interval: 500ms
  headroom: { cpu: 100m, memory: 10% }
  minimum: { memory: 1MiB, io.read: 2MiB }
  thresholds: { cpu: [ { difference: 5%, lasts: 1m } ] }
  maximumStep: { cpu: 50% }
  minimumChange: { cpu: 20m }
  surplus: { default: [shop] }
resources: { io.read:8:0: { capacity: 90MiB }, net.tx: { capacity: 9MiB } }
domains: { shop: { memory: {}, memory@node0: {}, io.read:8:0: {}, net.tx: {} } }`)
  assert.equal(host.intervalMs, 500)
  assert.deepEqual(host.headroom, {
    cpu: { amount: 100 },
    memory: { fraction: 0.1 },
    'memory@node0': { fraction: 0.1 },
    'io.read:8:0': { amount: 0 },
    'net.tx': { amount: 0 },
  })
  // A family's value holds for its devices and nodes; without one, a resource starts from one grain.
  assert.deepEqual(
    Object.values(host.minimum).toSorted((a, b) => a - b),
    [10, 2 ** 20, 2 ** 20, 2 ** 20, 2 * 2 ** 20],
  )
  assert.deepEqual(Object.values(host.thresholds)[0], [{ difference: 0.05, lastsMs: 60_000 }])
  assert.equal(host.maximumStep['cpu' as never], 0.5)
  assert.equal(host.minimumChange['cpu' as never], 20)
  assert.deepEqual(host.surplus, { default: ['shop'] })
})

const MATCHES: [text: string, match: DomainPolicy['match']][] = [
  ['{ path: /a/b }', { kind: 'path', path: '/a/b' }],
  ['{ unit: shop.service }', { kind: 'unit', unit: 'shop.service' }],
  [
    '{ command: [node, "8"], user: www, environment: { A: b } }',
    { kind: 'command', command: { argv: ['node', '8'], user: 'www', directory: '/', environment: { A: 'b' } } },
  ],
]
for (const [text, match] of MATCHES)
  test(`a domain found by ${match.kind}`, () => assert.deepEqual(domain(text).match, match))

test('shares, pins and scheduling arrive in their units', () => {
  const its = domain(
    '{ cpu: { reservation: 0.5, own: 1, limit: 1500m, lend: false, weight: 3 }, memory: { limit: 1GiB }, pin: 0-1, scheduling: { slice: 3ms } }',
  )
  const rest = { reservation: null, own: null, lend: true, borrow: true, limit: null, weight: null }
  assert.deepEqual(its.shares, {
    cpu: { reservation: 500, own: 1000, lend: false, borrow: true, limit: 1500, weight: 3 },
    memory: { ...rest, limit: 2 ** 30 },
  })
  assert.deepEqual(its.controls, ['cpu', 'memory'])
  assert.deepEqual(its.placement.pin, [0, 1])
  assert.deepEqual(its.scheduling, { class: 'other', priority: 0, sliceMs: 3 })
})

test('a reservation of 0 is not the same as none', () => {
  assert.equal(domain('{ cpu: { reservation: 0 } }').shares['cpu' as never]?.['reservation'], 0)
})

test('parents stand before their children and siblings keep their order', () => {
  const { domains } = parse(`
domains:
  leaf: { parent: inner }
  b: {}
  inner: { parent: outer }
  outer: {}
  "10": {}
  a: { parent: outer }`)
  assert.deepEqual(
    domains.map(({ name, match }) => `${name}:${match.kind}`),
    ['b:name', 'outer:parent', '10:name', 'inner:parent', 'a:name', 'leaf:name'],
  )
})

test('what a domain controls follows from its amounts and the goals on it', () => {
  const { domains, resources } = parse(`
resources: { licences: { capacity: 3 }, io.read:8:0: { capacity: 1MiB } }
domains:
  a: { memory: { limit: 1GiB } }
  b: { groups: [web] }
  c-*: {}
  d: { controls: [memory] }
goals:
  - { domain: a, kind: fixed, amounts: { licences: 1 }, priority: 1 }
  - { group: web, kind: utilization, resource: memory, target: 50%, priority: 1 }
  - { domain: c-7, kind: utilization, resource: io.read:8:0, target: 50%, priority: 1 }`)
  assert.deepEqual(
    domains.map(({ controls }) => controls.join(' ')),
    ['cpu memory licences', 'cpu memory', 'cpu io.read:8:0', 'memory'],
  )
  assert.deepEqual(
    resources.map(({ key, capacity, unit }) => `${key} ${capacity} ${unit}`),
    ['cpu observed millicores', 'memory observed bytes', 'io.read:8:0 1048576 bytes/s', 'licences 3 count'],
  )
})

test('sparse priorities are compressed in their order, and goals without a name get one that is unique', () => {
  const { goals } = parse(`
domains: { shop: {}, batch: {} }
goals:
  - { domain: shop, kind: utilization, target: 50%, priority: 70 }
  - { domain: shop, kind: utilization, target: 60%, priority: 20, name: shop-utilization-70-2 }
  - { domain: shop, kind: utilization, target: 40%, priority: 70 }
  - { all: true, kind: utilization, target: 90%, priority: 10 }
  - { domain: batch, kind: utilization, target: 90%, priority: 20 }`)
  assert.deepEqual(
    goals.map(({ id, priority }) => `${id} ${priority}`),
    [
      'shop-utilization-70 3',
      'shop-utilization-70-2 2',
      'shop-utilization-70-3 3',
      'all-utilization-10 1',
      'batch-utilization-20 2',
    ],
  )
})

test('each kind of goal has its aim', () => {
  const metrics = 'metrics: { p95: { source: push, unit: ms }, rps: { source: push, unit: requests/s } }'
  const aim = (text: string) => goal(`{ domain: shop, priority: 1, ${text} }`, metrics).aim
  assert.deepEqual(aim('kind: utilization, target: 75%'), { kind: 'utilization', resource: 'cpu', target: 0.75 })
  assert.deepEqual(aim('kind: performance, metric: p95, below: 0.2s'), {
    kind: 'performance',
    metric: 'p95',
    direction: 'below',
    target: 200,
  })
  assert.deepEqual(aim('kind: performance, metric: rps, above: 5'), {
    kind: 'performance',
    metric: 'rps',
    direction: 'above',
    target: 5,
  })
  assert.deepEqual(aim('kind: throughput, metric: rps, atLeast: 5'), { kind: 'throughput', metric: 'rps', target: 5 })
  assert.deepEqual(aim('kind: fixed, amounts: { cpu: 1.5, memory: 1KiB }'), {
    kind: 'fixed',
    amounts: { cpu: 1500, memory: 1024 },
  })
})

test('conditions and applications', () => {
  const its = goal(
    '{ all: true, kind: utilization, target: 75%, priority: 1, when: day, whileRunning: shop, onEvent: sale, application: till }',
    'windows: { day: { cron: "* 8-17 * * *", zone: Europe/Berlin } }',
  )
  assert.deepEqual(its.scope, { all: true })
  assert.equal(its.application, 'till')
  assert.deepEqual(its.conditions, [
    { kind: 'window', window: 'day' },
    { kind: 'running', domain: 'shop' },
    { kind: 'event', event: 'sale' },
  ])
})

test('metrics take their interval from the host, and go stale after five', () => {
  const { metrics } = parse(`
host: { interval: 2s }
metrics:
  a: { source: push, domain: shop, unit: ms }
  b: { source: file, path: /run/b.json, key: x.y, unit: ms, interval: 1s, staleAfter: 3s }
domains: { shop: {} }`)
  assert.deepEqual(metrics, [
    { name: 'a', unit: 'ms', intervalMs: 2000, staleMs: 10_000, source: { kind: 'push', domain: 'shop' } },
    {
      name: 'b',
      unit: 'ms',
      intervalMs: 1000,
      staleMs: 3000,
      source: { kind: 'file', path: '/run/b.json', key: 'x.y' },
    },
  ])
})

const SOURCES: [written: string, source: MetricSourcePolicy][] = [
  ['source: file, path: /run/b', { kind: 'file', path: '/run/b', key: null }],
  ['source: fifo, path: /run/b', { kind: 'fifo', path: '/run/b' }],
  [
    'source: command, command: [zpool, list], user: root, environment: { A: b }',
    {
      kind: 'command',
      command: { argv: ['zpool', 'list'], user: 'root', directory: '/', environment: { A: 'b' } },
      timeoutMs: 1000,
    },
  ],
  [
    'source: http, url: "https://shop/health?a=b", window: 1m, minimumSamples: 20, timeout: 2s',
    {
      kind: 'http',
      url: 'https://shop/health?a=b',
      status: 200,
      timeoutMs: 2000,
      quantile: 0.95,
      windowMs: 60_000,
      samplesLeast: 20,
    },
  ],
  [
    'source: prometheus, url: "http://[::1]:9090", query: up, domainLabel: vm, timeout: 500ms',
    { kind: 'prometheus', url: 'http://[::1]:9090', query: 'up', domainLabel: 'vm', timeoutMs: 500 },
  ],
  [
    'source: scrape, url: "http://shop/metrics", sample: a:b',
    { kind: 'scrape', url: 'http://shop/metrics', sample: 'a:b', labels: {}, take: { kind: 'value' }, timeoutMs: 1000 },
  ],
  [
    'source: scrape, url: "http://shop/metrics", sample: a, labels: { code: "200" }, rate: true',
    {
      kind: 'scrape',
      url: 'http://shop/metrics',
      sample: 'a',
      labels: { code: '200' },
      take: { kind: 'rate' },
      timeoutMs: 1000,
    },
  ],
  [
    'source: scrape, url: "http://shop/metrics", sample: a, percentile: 99.9, minimumSamples: 50',
    {
      kind: 'scrape',
      url: 'http://shop/metrics',
      sample: 'a',
      labels: {},
      take: { kind: 'quantile', quantile: 0.999, samplesLeast: 50 },
      timeoutMs: 1000,
    },
  ],
  ['source: statsd, bucket: a.b, type: gauge', { kind: 'statsd', port: 8125, bucket: 'a.b', take: { kind: 'gauge' } }],
  [
    'source: statsd, bucket: a.b, type: timer, window: 10s, minimumSamples: 5',
    {
      kind: 'statsd',
      port: 8125,
      bucket: 'a.b',
      take: { kind: 'timer', quantile: 0.95, windowMs: 10_000, samplesLeast: 5 },
    },
  ],
]
for (const [written, source] of SOURCES)
  test(`a metric with ${written}`, () =>
    assert.deepEqual(
      only(parse(`host: { statsd: 8125 }\nmetrics: { m: { unit: ms, ${written} } }`).metrics).source,
      source,
    ))

test('what this host lacks for the command of a metric is a warning', () => {
  const parsed = parsePolicy(
    'apiVersion: reeve/v1\nmetrics: { m: { source: command, command: [count], user: nosuchuser, unit: jobs/s } }\n' +
      'goals: [ { all: true, kind: throughput, metric: m, atLeast: 1, priority: 1 } ]',
    { file: 'policy.yaml', missingFor: ({ user }) => [`no user ${user}`] },
  )
  assert.ok(parsed.ok)
  const { path, message } = only(parsed.warnings)
  assert.equal(path, 'metrics.m.command')
  assert.equal(message, 'on this host the command cannot be started: no user nosuchuser')
})

test('what is never counted of a control group is a warning for goals on it', () => {
  const parsed = parsePolicy(
    'apiVersion: reeve/v1\nmetrics: { reads: { source: counter, counter: io.readOps, unit: operations/s } }\n' +
      'domains: { shop: {}, vm: { driver: libvirt } }\n' +
      'goals:\n  - { domain: shop, kind: throughput, metric: reads, atLeast: 1, priority: 1 }\n' +
      '  - { domain: vm, kind: throughput, metric: reads, atLeast: 1, priority: 1 }',
    { file: 'policy.yaml' },
  )
  assert.ok(parsed.ok)
  const { path, message } = only(parsed.warnings)
  assert.equal(path, 'goals[0].metric')
  assert.equal(message, '`io.readOps` is never read of `shop`, which is a control group')
})

test('without the capacity, only declared capacities are compared', () => {
  parse('domains: { shop: { cpu: { reservation: 1000 } } }')
  const parsed = parsePolicy(
    'apiVersion: reeve/v1\nresources: { cpu: { capacity: 2 } }\ndomains: { shop: { cpu: { reservation: 3 } } }',
    { file: 'policy.yaml' },
  )
  assert.equal(parsed.ok ? 'ok' : parsed.kind, 'infeasible')
})

test('faults carry their path for programs', () => {
  const parsed = parsePolicy(
    'apiVersion: reeve/v1\ngoals:\n  - { all: true, kind: fixed, amounts: { cpu: x }, priority: 1 }',
    {
      file: 'a.yaml',
    },
  )
  assert.ok(!parsed.ok)
  assert.equal(only(parsed.faults).path, 'goals[0].amounts.cpu')
})

test('scheduling by activity arrives whole, with what is not stated as usual', () => {
  const its = domain('{ scheduling: { activity: { compute: { class: idle }, network: { slice: 0.5ms } } } }')
  assert.equal(its.scheduling, null)
  assert.deepEqual(its.byActivity, {
    ...BY_ACTIVITY,
    compute: { class: 'idle', priority: 0, sliceMs: null },
    network: { class: 'other', priority: 0, sliceMs: 0.5 },
  })
  assert.deepEqual(domain('{ scheduling: { activity: {} } }').byActivity, BY_ACTIVITY)
})

test('a counter of the domain itself arrives, and is stale late', () => {
  const its = parse(
    'metrics:\n  p: { source: counter, counter: net.rxPackets, perCpuSecond: true, unit: packets/CPU-s }\ndomains: { a: {} }\n',
  ).metrics[0]
  assert.deepEqual(its?.source, { kind: 'counter', counter: 'net.rxPackets', perCpuSecond: true })
  assert.equal(its?.staleMs, 30_000)
})

test('rules by activity stand alone, and only class other has a slice', () => {
  const text = 'domains: { a: { scheduling: { class: batch, activity: { disk: { class: idle, slice: 2ms } } } } }\n'
  const its = parsePolicy(`apiVersion: reeve/v1\n${text}`, { file: 'policy.yaml' })
  assert.deepEqual(its.ok ? [] : its.faults.map(({ message }) => message), [
    '`class` beside `activity`',
    'class idle has no `slice`',
  ])
})

test('affinity by activity arrives whole, with what is not stated as usual', () => {
  const its = domain('{ affinity: { activity: { compute: anywhere, time-critical: cache } } }')
  assert.deepEqual(its.affinity, { ...AFFINITY_BY_ACTIVITY, compute: 'anywhere', 'time-critical': 'cache' })
  assert.deepEqual(domain('{ affinity: { activity: {} } }').affinity, AFFINITY_BY_ACTIVITY)
})

test('affinity is by activity, of which there are six, and by rules that there are', () => {
  const its = parsePolicy(
    'apiVersion: reeve/v1\ndomains: { a: { affinity: {} }, b: { affinity: { activity: { disk: near, disc: cache } } } }\n',
    { file: 'policy.yaml' },
  )
  assert.deepEqual(its.ok ? [] : its.faults.map(({ message }) => message), [
    '`activity` is missing',
    '`near` is not one of network-interrupts, disk-interrupts, interrupts, cache, cores, anywhere',
    'unknown key `disc`',
  ])
})

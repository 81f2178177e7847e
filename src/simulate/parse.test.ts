import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { renderFault } from '#policy/parse.ts'
import type { ReadFile } from './build.ts'
import { parseScenario } from './parse.ts'

const POLICY = `apiVersion: reeve/v1
metrics:
  shop-p95: { source: push, unit: ms }
domains:
  shop: {}
  batch: {}
goals:
  - { domain: shop, kind: performance, metric: shop-p95, below: 60ms, priority: 1 }
`
const FILES: Readonly<Record<string, string>> = {
  'policy.yaml': POLICY,
  'bad.yaml': POLICY.replace('below', 'belov'),
  'pages.yaml': POLICY.replace('unit: ms', 'unit: pages').replace('60ms', '60'),
  'counted.yaml': POLICY.replace('goals:', 'goals: []')
    .replace(/^ {2}- .*\n/m, '')
    .replace(
      'domains:',
      '  packets: { source: counter, counter: net.rxPackets, unit: packets/s }\n  other: { source: push, unit: ms }\ndomains:',
    ),
  'bytes.yaml': POLICY.replace(/shop-p95: .*/, 'bytes: { source: counter, counter: net.rx, unit: bytes/s }').replace(
    'kind: performance, metric: shop-p95, below: 60ms',
    'name: fast, kind: throughput, metric: bytes, atLeast: 60',
  ),
  'others.yaml': `${POLICY}  - { domain: shop, kind: utilization, resource: memory, target: 80%, priority: 2 }
  - { domain: batch, kind: fixed, amounts: { memory: 1GiB }, priority: 2 }
  - { domain: batch, kind: fixed, amounts: { cpu: 1, memory: 1GiB }, priority: 3 }
`,
  'load.csv': 'slot,load\n0,5\n1,7\n',
  'cut.csv': 'slot,load\n0,5\n60,7\n120',
  'broken.csv': 'slot,load\n0,five\n',
}
const read: ReadFile = (path) => {
  const text = FILES[path]
  return text === undefined ? { ok: false, message: 'ENOENT' } : { ok: true, path: `/s/${path}`, text, isCut: false }
}

const HEAD = 'apiVersion: reeve-scenario/v1\nhost: { cpus: 2, duration: 10m }\npolicy: policy.yaml\n'
const SHOP = '  shop: { load: { kind: open, perSecond: 100, cpu: 4ms, threads: 4 }, metrics: { shop-p95: p95 } }\n'

const parse = (text: string) => parseScenario(text, { file: 's.yaml', read })
function scenario(text: string) {
  const parsed = parse(text)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(renderFault).join('\n'))
  return parsed
}
function said(text: string): string[] {
  const parsed = parse(text)
  return (parsed.ok ? parsed.warnings : parsed.faults).map((fault) => renderFault(fault).replace(/^s\.yaml:/, ''))
}

describe('a scenario', () => {
  it('is read with its defaults', () => {
    const { scenario: its, warnings } = scenario(`${HEAD}domains:\n${SHOP}`)
    assert.deepEqual(warnings, [])
    assert.deepEqual(its.host, {
      cpus: 2,
      hardware: null,
      memory: 4 * 1024 ** 3,
      seed: 1,
      durationMs: 600_000,
      startUtcMs: Date.UTC(2026, 0, 5, 8),
      unmanagedMilli: 0,
      noise: 0,
    })
    assert.equal(its.policy.file, '/s/policy.yaml')
    assert.deepEqual(its.domains, [
      {
        name: 'shop',
        load: { kind: 'open', arrivalsPerSecond: 100, demandMs: 4, spread: 'exponential', parallelism: 4 },
        memory: null,
        weight: null,
        cpus: null,
        metrics: { 'shop-p95': 'p95' },
        changes: [],
      },
    ])
  })

  it('may have its policy in itself, whose faults have its own lines and columns', () => {
    const inline = `apiVersion: reeve-scenario/v1
host: { cpus: 2, duration: 10m }
policy:
  apiVersion: reeve/v1
  domains: { shop: {} }
domains:
  shop: { load: { kind: batch, threads: 1 } }
`
    assert.equal(scenario(inline).scenario.policy.policy.domains[0]?.name, 'shop')
    const faulty = inline.replace('shop: {} }', 'shop: { cpu: { limt: 1 }, weight: 2 } }')
    assert.deepEqual(said(faulty)[0], '5:29: unknown key `limt`, did you mean `limit`?')
    assert.match(
      said(inline.replace('shop: {} }', 'shop: { cpu: { reservation: 3 } } }'))[0]!,
      /^5:.* above the capacity/,
    )
  })

  it('says what is wrong with a policy in a file of its own, by that file', () => {
    assert.match(said(`${HEAD.replace('policy.yaml', 'bad.yaml')}domains:\n${SHOP}`)[0]!, /^\/s\/bad\.yaml:8:.*/)
  })

  it('takes a trace that is cut off as far as it goes, and says so in one line', () => {
    const change = '{ kind: trace, file: cut.csv, time: slot, column: load, scale: 2 }'
    const text = `${HEAD}domains:\n${SHOP.replace(' }\n', `, changes: [${change}] }\n`)}`
    const { scenario: its, warnings } = scenario(text)
    const [shape] = its.domains[0]?.changes ?? []
    assert.deepEqual(shape?.kind === 'trace' ? [...shape.trace.level] : null, [10, 14])
    assert.deepEqual(
      warnings.map(({ message }) => message),
      [
        'the trace `cut.csv` is cut off in line 4, which no line feed ends: from minute 1 on its last whole line stands',
      ],
    )
  })

  it('says of a trace that ends before the host does how far it goes', () => {
    const said = (duration: string) => {
      const change = '{ kind: trace, file: load.csv, time: slot, column: load, unit: 60s }'
      const text = `${HEAD.replace('10m', duration)}domains:\n${SHOP.replace(' }\n', `, changes: [${change}] }\n`)}`
      return scenario(text).warnings.map(({ message }) => message)
    }
    assert.deepEqual(said('10m'), [
      'the trace `load.csv` ends after 2 of 10 minutes: from then on its last line stands',
    ])
    assert.deepEqual(said('2m'), [])
  })

  it('tells everything at once, in the order of its lines', () => {
    const text = `apiVersion: reeve-scenario/v1
hosts: {}
host: { cpus: 0, duration: 500, sead: 1 }
policy: nowhere.yaml
domains:
  shop:
    load: { kind: open, perSecond: -1, cpu: 4ms, threads: 4 }
    metrics: { shop-p95: p59 }
    changes:
      - { kind: stepp, at: 1m }
      - { kind: step, at: 1m }
      - { kind: ramp, from: 3m, to: 2m, level: 5 }
      - { kind: trace, file: broken.csv, time: slot, column: load }
      - { kind: trace, file: load.csv, time: slit, column: load }
      - { kind: trace, file: gone.csv, time: slot, column: load }
  bad name: { load: { kind: batch, threads: 1 } }
faults:
  - { kind: vanish, domain: shpo, at: 2m, back: 1m }
  - { kind: cpus, online: 2-1, at: 1m }
  - { kind: nothing }
`
    assert.deepEqual(said(text), [
      '2:1: unknown key `hosts`, did you mean `host`?',
      '3:15: `0` is not a number of CPUs from 1 to 1024',
      '3:28: `500` is not a duration from 1s to 31d such as 500ms, 1s or 5m',
      '3:33: unknown key `sead`, did you mean `seed`?',
      '4:9: cannot read the policy `nowhere.yaml`: ENOENT',
      '7:36: `-1` is not a number of requests per second from 0 to 1000000',
      '8:26: `p59` is not one of p95, throughput',
      '10:17: `stepp` is not one of step, ramp, sine, daily, bursts, trace, did you mean `step`?',
      '11:9: the step changes nothing, add `level`, `cpu`, `think` or `memory`',
      '12:37: the ramp ends at 2m, not after it begins at 3m',
      '13:30: the trace `broken.csv` cannot be used: line 2 of the file: `five` in column `load` is not a number from 0',
      '14:46: the trace `load.csv` cannot be used: the file has no column `slit`; its first line names slot, load',
      '15:30: cannot read the trace `gone.csv`: ENOENT',
      '16:3: `bad name` is not allowed as a name, expected a name of letters, digits and _.:@+- that begins with one of the former (at most 64)',
      '18:29: unknown domain `shpo`, did you mean `shop`?',
      '18:49: it is over at 1m, not after it begins at 2m',
      '19:27: `2-1` has a range that runs backwards',
      '20:13: `nothing` is not one of vanish, write-fails, cpus, metric-stops, metric-late, random',
    ])
  })

  for (const [what, text, says] of [
    ['an empty text', '', '1:1: the scenario is empty, begin with `apiVersion: reeve-scenario/v1`'],
    ['a list', '- a\n', '1:1: a list is not a scenario, begin with `apiVersion: reeve-scenario/v1`'],
    [
      'a host without memory',
      `${HEAD.replace('cpus: 2', 'cpus: 2, memory: 0')}domains:\n${SHOP}`,
      '2:26: a host without memory runs nothing',
    ],
    ['a policy', POLICY, '1:13: this is a policy, not a scenario, name it in one, with `policy: s.yaml`'],
    [
      'another version',
      `${HEAD.replace('v1', 'v2')}domains:\n${SHOP}`,
      '1:13: `reeve-scenario/v2` is not reeve-scenario/v1, the version that this Reeve reads',
    ],
    [
      'a second document',
      `${HEAD}domains:\n${SHOP}---\n`,
      '6:1: a second document begins here, a scenario is one document',
    ],
    [
      'a metric that the policy lacks',
      `${HEAD}domains:\n${SHOP.replace('shop-p95:', 'shop-p59:')}`,
      '5:82: unknown metric of the policy `shop-p59`, did you mean `shop-p95`?',
    ],
    [
      'a percentile in no unit of time',
      `${HEAD.replace('policy.yaml', 'pages.yaml')}domains:\n${SHOP}`,
      '5:92: the policy has `shop-p95` in `pages`, which is no unit of time, a percentile of response times needs ms, s or the like',
    ],
    [
      'a measured batch job',
      `${HEAD}domains:\n  batch: { load: { kind: batch, threads: 1 }, metrics: { shop-p95: p95 } }\n`,
      '5:68: a batch job answers no requests, so nothing of them can be measured',
    ],
    [
      'more memory than there is',
      `${HEAD}domains:\n  shop: { memory: 5GiB, load: { kind: batch, threads: 1 } }\n`,
      '5:19: 5 GiB are more than the host has, 4 GiB',
    ],
    [
      'CPUs that there are not',
      `${HEAD}domains:\n${SHOP}faults:\n  - { kind: cpus, online: 0-2, at: 1m }\n`,
      '7:27: the host has CPUs 0 to 1 only',
    ],
    [
      'a counter that stops',
      `${HEAD.replace('policy.yaml', 'counted.yaml')}domains:\n${SHOP}faults:\n  - { kind: metric-stops, metric: packets, at: 1m }\n`,
      '7:35: `packets` is counted for the domain itself, so no reading of it stops or comes late, name a metric that a domain reports',
    ],
    [
      'a counter that comes late',
      `${HEAD.replace('policy.yaml', 'counted.yaml')}domains:\n${SHOP}faults:\n  - { kind: metric-late, metric: packets, by: 5s, at: 1m }\n`,
      '7:34: `packets` is counted for the domain itself, so no reading of it stops or comes late, name a metric that a domain reports',
    ],
    [
      'a late metric that the policy lacks',
      `${HEAD}domains:\n${SHOP}faults:\n  - { kind: metric-late, metric: shop-p59, by: 5s, at: 1m }\n`,
      '7:34: unknown metric of the policy `shop-p59`, did you mean `shop-p95`?',
    ],
    [
      'half a second',
      `${HEAD.replace('10m', '1500ms')}domains:\n${SHOP}`,
      '2:28: `1500ms` is not a whole number of seconds, windows of a second are what is counted',
    ],
    [
      'thinking without clients',
      `${HEAD}domains:\n${SHOP.replace(' }\n', ', changes: [{ kind: step, at: 1m, think: 1s }] }\n')}`,
      '5:138: only clients of a closed load think, and this one is open',
    ],
    [
      'bursts without an end',
      `${HEAD}domains:\n${SHOP.replace(' }\n', ', changes: [{ kind: bursts, every: 1m, lasts: 1m, factor: 2 }] }\n')}`,
      '5:143: a burst lasts 1m, and one begins every 1m',
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      const parsed = parse(text)
      assert.ok(!parsed.ok)
      assert.equal(said(text)[0], says)
    })
  }

  it('may have readings that come late', () => {
    const fault = '{ kind: metric-late, metric: shop-p95, by: 1500ms, at: 1m, until: 2m }'
    const { scenario: its, warnings } = scenario(`${HEAD}domains:\n${SHOP}faults:\n  - ${fault}\n`)
    assert.deepEqual(warnings, [])
    assert.deepEqual(its.faults, [
      { kind: 'metric-late', metric: 'shop-p95', byMs: 1500, atMs: 60_000, untilMs: 120_000 },
    ])
  })

  it('warns of goals that are never counted', () => {
    assert.deepEqual(said(`${HEAD.replace('policy.yaml', 'others.yaml')}domains:\n${SHOP}`), [
      '3:9: the goal `shop-utilization-2` is decided and never counted: only CPU would be',
      '3:9: the goal `batch-fixed-2` is decided and never counted: only CPU would be',
    ])
  })

  it('warns of a fault of a metric that no domain reports', () => {
    const text = `${HEAD.replace('policy.yaml', 'counted.yaml')}domains:\n${SHOP}faults:\n`
    assert.equal(
      said(`${text}  - { kind: metric-stops, metric: other, at: 1m }\n`).at(-1),
      '7:35: nothing comes of it: no domain reports `other`',
    )
  })

  it('warns of a goal on what is not counted here', () => {
    const shop = SHOP.replace(/, metrics: .*/, ' }')
    assert.deepEqual(said(`${HEAD.replace('policy.yaml', 'bytes.yaml')}domains:\n${shop}`), [
      '5:3: nothing here counts `bytes`: the goal `fast` is never known to hold, of counters only `net.rxPackets` and `net.txPackets` are simulated, per second',
    ])
  })

  it('warns of what was probably not meant', () => {
    const other = '  shap: { load: { kind: batch, threads: 1 }, changes: [{ kind: step, at: 10m, level: 2 }] }\n'
    assert.deepEqual(said(`${HEAD}domains:\n${other}`), [
      '5:3: the policy names no domain `shap`: nobody manages it, did you mean `shop`?',
      '5:3: no domain reports `shop-p95`: the goal `shop-performance-1` is never known to hold, add `metrics: { shop-p95: p95 }` to one',
      '5:74: nothing comes of it: the scenario ends before 10m',
    ])
  })

  it('is the same whatever it is given: never a crash', () => {
    for (const text of [
      '{',
      'apiVersion: reeve-scenario/v1',
      `${HEAD}domains: 3`,
      `${HEAD}domains: { a: 1, b: [] }`,
      HEAD,
    ]) {
      assert.ok(!parse(text).ok, text)
    }
  })
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { renderSolve, type SolveOutput, solveText } from './solve.ts'

interface Case {
  readonly kind: string
  readonly problem: { readonly capacity: number }
  readonly allocations: Record<string, number>
  readonly unallocated: number
}
const readCases = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../test/cases/${name}`, import.meta.url), 'utf8'))

function solve(problem: unknown): SolveOutput {
  const solved = solveText(JSON.stringify(problem))
  assert.ok(solved.ok, solved.ok ? '' : solved.message)
  return solved.output
}

function assertNear(actual: number | undefined, expected: number, what: string): void {
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= 1e-6, `${what}: ${actual} is not ${expected}`)
}

test('the worked cases come out to 1e-6, in input order', () => {
  const { cases } = readCases('solve.json') as { cases: Case[] }
  for (const [i, { kind, problem, allocations, unallocated }] of cases.entries()) {
    const output = solve(problem)
    assert.deepEqual([...output.allocations.keys()], Object.keys(allocations))
    for (const [id, expected] of Object.entries(allocations)) {
      assertNear(output.allocations.get(id), expected, `case ${i} (${kind}), ${id}`)
    }
    assertNear(output.unallocated, unallocated, `case ${i} (${kind}), unallocated`)
  }
})

test('the tables of the reference documents come out, class by class', () => {
  for (const { name, afterPriority, allocations, ...problem } of readCases('arbitration.json').cases) {
    const { afterMinimum: _minimum, unallocated: _unallocated, ...rest } = problem
    assert.deepEqual([...solve(rest).allocations.values()], allocations, name)
    for (const [priority, expected] of Object.entries(afterPriority)) {
      const domains = rest.domains.map((domain: { id: string; requests: number[] }) => ({
        ...domain,
        requests: domain.requests.slice(0, Number(priority)),
      }))
      assert.deepEqual([...solve({ ...rest, domains }).allocations.values()], expected, `${name}, class ${priority}`)
    }
  }
})

test('what the issue shows as output: classes with their level, a certificate for each domain', () => {
  const output = solve({
    capacity: 10,
    minimum: 1,
    domains: [
      { id: '7', requests: [2, 8], own: 3 },
      { id: '3', requests: [1, 6] },
    ],
  })
  assert.deepEqual(output.classes, [
    { priority: 0, satisfied: true },
    { priority: 1, satisfied: true },
    { priority: 2, satisfied: false, level: 5 },
  ])
  assert.deepEqual(output.because.get('3'), { bound: 'level', priority: 2, level: 5, weight: 1 })
  // Ids that look like whole numbers stay in input order.
  assert.match(renderSolve(output), /"7": 5,\s+"3": 5/)
  assert.equal(JSON.parse(renderSolve(output)).unallocated, 0)
})

test('proportional says its fraction, satisfy-most neither level nor fraction', () => {
  const domains = [
    { id: 'a', requests: [4] },
    { id: 'b', requests: [8] },
  ]
  assert.deepEqual(solve({ capacity: 6, fairness: 'proportional', domains }).classes, [
    { priority: 1, satisfied: false, fraction: 0.5 },
  ])
  assert.deepEqual(solve({ capacity: 6, fairness: 'satisfy-most', domains }).classes, [
    { priority: 1, satisfied: false },
  ])
})

test('the remainder may be held, or given to default domains up to their limits', () => {
  const domains = [
    { id: 'a', requests: [4] },
    { id: 'b', requests: [8], limit: 5 },
  ]
  const held = solve({ capacity: 6, minimum: 1, remainder: 'hold', domains })
  assert.deepEqual([[...held.allocations.values()], held.unallocated], [[1, 1], 4])
  const given = solve({ capacity: 8, minimum: 1, remainder: { default: ['b'] }, domains })
  assert.deepEqual([[...given.allocations.values()], given.unallocated], [[1, 5], 2])
  assert.deepEqual(given.because.get('b'), { bound: 'surplus', granted: 1, surplus: 4 })
})

const a = { id: 'a' }
const FAULTS: readonly (readonly [string, unknown, RegExp])[] = [
  ['not an object', 3, /^the problem: /],
  ['no capacity', { domains: [a] }, /^capacity: is missing$/],
  ['negative capacity', { capacity: -1, domains: [a] }, /^capacity: must not be negative$/],
  ['capacity as text', { capacity: '1', domains: [a] }, /^capacity: must be a finite number$/],
  ['capacity null, which is how NaN is written', { capacity: Number.NaN, domains: [a] }, /^capacity: must be a finite/],
  ['negative minimum', { capacity: 1, minimum: -1, domains: [a] }, /^minimum: must not be negative$/],
  ['unknown fairness', { capacity: 1, fairness: 'fair', domains: [a] }, /^fairness: must be one of "max-min"/],
  ['unknown surplus', { capacity: 1, surplus: 'burn', domains: [a] }, /^surplus: must be "hold", "spread"/],
  ['granularity of 0', { capacity: 1, granularity: 0, domains: [a] }, /^granularity: must be above 0$/],
  ['no domains', { capacity: 1 }, /^domains: is missing$/],
  ['empty domains', { capacity: 1, domains: [] }, /^domains: must not be empty$/],
  ['empty parent', { capacity: 1, domains: [{ id: 'a', domains: [] }] }, /^domains\[0\]\.domains: must not be empty$/],
  ['unknown key', { capacity: 1, domains: [{ id: 'a', wieght: 1 }] }, /^domains\[0\]\.wieght: unknown key$/],
  ['no id', { capacity: 1, domains: [{}] }, /^domains\[0\]\.id: is missing$/],
  ['negative request', { capacity: 1, domains: [{ id: 'a', requests: [1, -1] }] }, /requests\[1\]: must not be neg/],
  ['weight of 0', { capacity: 1, domains: [{ id: 'a', weight: 0 }] }, /^domains\[0\]\.weight: must be above 0$/],
  ['lend as text', { capacity: 1, domains: [{ id: 'a', lend: 'no' }] }, /^domains\[0\]\.lend: must be true or false$/],
  ['limit below the minimum', { capacity: 9, minimum: 2, domains: [{ id: 'a', limit: 1 }] }, /limit 1 is below .* 2$/],
  [
    'limit below the reservation',
    { capacity: 9, domains: [{ id: 'a', reservation: 2, limit: 1 }] },
    /limit 1 is below/,
  ],
  [
    "limit below the children's starts",
    { capacity: 9, minimum: 1, domains: [{ id: 'a', limit: 1, domains: [{ id: 'b' }, { id: 'c' }] }] },
    /^domain "a": limit 1 is below its starting amount 2$/,
  ],
  [
    'reservation above own',
    { capacity: 9, domains: [{ id: 'a', reservation: 2, own: 1 }] },
    /reservation 2 is above own 1$/,
  ],
  ['own above limit', { capacity: 9, domains: [{ id: 'a', own: 2, limit: 1 }] }, /own 2 is above limit 1$/],
  ['duplicate id', { capacity: 9, domains: [a, a] }, /^domain "a": duplicate id$/],
  [
    'starts above capacity',
    { capacity: 1, minimum: 1, domains: [a, { id: 'b' }] },
    /^capacity: 1 does not cover .* 2$/,
  ],
  ['unknown default', { capacity: 1, surplus: { default: ['z'] }, domains: [a] }, /^surplus: .* unknown id "z"$/],
  ...(['own', 'lend', 'borrow', 'requests'] as const).map((key): readonly [string, unknown, RegExp] => [
    `${key} on a parent`,
    {
      capacity: 1,
      domains: [{ id: 'a', domains: [{ id: 'b' }], [key]: { own: 1, lend: true, borrow: true, requests: [1] }[key] }],
    },
    new RegExp(`^domain "a": ${key} belongs to leaves`),
  ]),
  [
    'several at once, of form and of meaning',
    { capacity: -1, domains: [{ id: 'a', weight: 0, reservation: 2, own: 1 }, a] },
    /^capacity: must not be negative; domains\[0\]\.weight: must be above 0; domain "a": reservation .*; .*duplicate id$/,
  ],
]

test('bad input gets one clear line that names all that is wrong', () => {
  for (const [name, problem, expected] of FAULTS) {
    const solved = solveText(JSON.stringify(problem))
    assert.ok(!solved.ok, name)
    assert.match(solved.message, expected, name)
    assert.doesNotMatch(solved.message, /\n/, name)
  }
})

test('text that is not JSON, numbers beyond doubles, and trees beyond reason are refused in one line', () => {
  const deep = 20_000
  for (const [text, expected] of [
    ['', /^not JSON: /],
    ['{"capacity": NaN}', /^not JSON: /],
    ['{\n"capacity":\n,}', /^not JSON: /],
    ['{"capacity": 1e999, "domains": [{"id": "a"}]}', /^capacity: must be a finite number$/],
    [
      `{"capacity": 1, "domains": ${'[{"id": "a", "domains": '.repeat(deep)}[]${'}]'.repeat(deep)}}`,
      /^domains: nested too deeply$/,
    ],
  ] as const) {
    const solved = solveText(text)
    assert.ok(!solved.ok)
    assert.match(solved.message, expected)
    assert.doesNotMatch(solved.message, /\n/)
  }
})

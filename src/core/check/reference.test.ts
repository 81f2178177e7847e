import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import type { ProblemText } from '#test/arbiter/problems.ts'
import { problemOf } from './problems.fixture.ts'
import { solveReference } from './reference.ts'
import { roundReference } from './reference-rounding.ts'

interface FigureCase extends ProblemText {
  readonly name: string
  readonly allocations: readonly number[]
  readonly afterMinimum: readonly number[]
  readonly afterPriority: Readonly<Record<string, readonly number[]>>
}
interface RoundingCase {
  readonly name: string
  readonly granularity: number
  readonly in: readonly number[]
  readonly out: readonly number[]
}
interface SolveCase {
  readonly kind: string
  readonly problem: ProblemText & { readonly granularity?: number }
  readonly allocations: Readonly<Record<string, number>>
  readonly unallocated: number
}

const figures: { cases: FigureCase[]; rounding: RoundingCase[] } = read('arbitration.json')
const solved: { cases: SolveCase[] } = read('solve.json')

describe('the reference solver', () => {
  for (const figure of figures.cases) {
    test(figure.name, () => {
      near(solveReference(problemOf(figure)).entitlement, figure.allocations)
    })
    for (const [priority, after] of Object.entries(figure.afterPriority)) {
      test(`${figure.name}, after priority ${priority}`, () => {
        // With no further goals the capacity that later classes would take stays unallocated.
        const domains = figure.domains.map((domain) => ({
          ...domain,
          requests: domain.requests!.slice(0, Number(priority)),
        }))
        near(solveReference(problemOf({ ...figure, domains })).entitlement, after)
      })
    }
  }

  for (const [at, { kind, problem: stated, allocations, unallocated }] of solved.cases.entries()) {
    test(`case ${at} of solve.json (${kind}, ${stated.fairness ?? 'max-min'})`, () => {
      const problem = problemOf(stated)
      const { entitlement } = solveReference(problem)
      const amounts = stated.granularity ? roundReference(problem, entitlement, stated.granularity) : entitlement
      near(
        amounts,
        problem.ids.map((id) => allocations[id]!),
      )
      const top = amounts.filter((_, row) => problem.parent[row] === -1).reduce((sum, amount) => sum + amount, 0)
      near([problem.capacity - top], [unallocated])
    })
  }

  test('of gaps that differ by their last digits it serves the first of the input first', () => {
    const [first, second] = [{ requests: [0.1 + 0.2] }, { requests: [0.3] }]
    const problem = problemOf({
      capacity: 0.3,
      fairness: 'satisfy-most',
      domains: [
        { id: 'first', ...first },
        { id: 'second', ...second },
      ],
    })
    near(solveReference(problem).entitlement, [0.3, 0])
  })

  test('gives the children of a small parent no more than it has, however much the host has', () => {
    const domains = [
      { id: 'one', requests: [1] },
      { id: 'two', requests: [1] },
    ]
    const problem = problemOf({ capacity: 1e12, domains: [{ id: 'parent', limit: 1, domains }] })
    near(solveReference(problem).entitlement, [1, 0.5, 0.5])
  })

  for (const { name, granularity, in: amounts, out } of figures.rounding) {
    test(`rounding: ${name}`, () => {
      const capacity = Math.max(
        Math.round(amounts.reduce((sum, amount) => sum + amount, 0)),
        out.reduce((sum, amount) => sum + amount, 0),
      )
      const problem = problemOf({ capacity, domains: amounts.map((_, i) => ({ id: `d${i}` })) })
      assert.deepEqual(roundReference(problem, amounts, granularity), out)
    })
  }
})

/** The cases are printed to nine digits. */
function near(actual: readonly number[], expected: readonly number[]): void {
  assert.equal(actual.length, expected.length)
  for (const [i, amount] of actual.entries()) {
    assert.ok(
      Math.abs(amount - expected[i]!) <= 1e-8 * Math.max(1, expected[i]!),
      `row ${i}: ${amount}, not ${expected[i]}`,
    )
  }
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../../test/cases/${name}`, import.meta.url), 'utf8'))
}

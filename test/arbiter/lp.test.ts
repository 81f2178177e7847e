/**
 * A thousand random problems, class by class, against an LP solver: whether a class fits, and where it does not, whether
 * what the arbiter made of it is optimal in the sense of the fairness rule.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import highsModule from 'highs'
import { arbitrate } from '#core/arbitrate/arbitrate.ts'
import { domainsUnder } from '#core/check/reference.ts'
import { flatProblems, problemOf } from './problems.ts'

const PROBLEMS = 1000
const NEAR = 1e-6
// Its types say CommonJS, where the function is one level down; what Node loads is the function itself.
const highs = await (highsModule as unknown as typeof highsModule.default)()

/** One class: what everyone has and wants of a capacity. */
interface ClassToShare {
  readonly have: readonly number[]
  readonly want: readonly number[]
  readonly weight: readonly number[]
  readonly capacity: number
}

/** Maximises an expression over x0, x1 and so on, each within its bounds, that sum up to at most the capacity. */
function maximise(goal: string, rows: readonly string[], bounds: readonly string[], kinds = ''): number {
  const constraints = rows.map((row, i) => `c${i}: ${row}`)
  const solution = highs.solve(
    ['Maximize', `goal: ${goal}`, 'Subject To', ...constraints, 'Bounds', ...bounds, kinds, 'End'].join('\n'),
  )
  assert.equal(solution.Status, 'Optimal')
  return solution.ObjectiveValue
}

const sumOfAll = (amounts: readonly number[]): string => amounts.map((_, i) => `x${i}`).join(' + ')
const within = (low: readonly number[], high: readonly number[]): string[] =>
  low.map((least, i) => `${least} <= x${i} <= ${high[i]!}`)
const total = (amounts: readonly number[]): number => amounts.reduce((sum, amount) => sum + amount, 0)

/** What can be granted of the class at most. */
function mostGranted({ have, want, capacity }: ClassToShare): number {
  return maximise(sumOfAll(have), [`${sumOfAll(have)} <= ${capacity}`], within(have, want))
}

/** Max-min by a sequence of LPs: raise the lowest as far as possible, fix whom that fills, and go on with the others. */
function maxMin({ have, want, weight, capacity }: ClassToShare): number[] {
  const least = [...have]
  let open = have.map((_, i) => i).filter((i) => want[i]! > have[i]!)
  for (;;) {
    const level = highestLevel(least, want, weight, capacity, open)
    const filled = open.filter((i) => want[i]! <= weight[i]! * level + NEAR)
    for (const i of filled) least[i] = want[i]!
    open = open.filter((i) => !filled.includes(i))
    if (filled.length === 0 || open.length === 0) {
      for (const i of open) least[i] = Math.max(least[i]!, weight[i]! * level)
      return least
    }
  }
}

function highestLevel(
  least: readonly number[],
  want: readonly number[],
  weight: readonly number[],
  capacity: number,
  open: readonly number[],
): number {
  const rows = open.map((i) => `x${i} - ${weight[i]!} level >= 0`)
  const bounds = within(
    least,
    want.map((most, i) => (open.includes(i) ? most : least[i]!)),
  )
  return maximise('level', [`${sumOfAll(least)} <= ${capacity}`, ...rows], [...bounds, 'level >= 0'])
}

/** The largest fraction of everyone's gap. */
function largestFraction({ have, want, capacity }: ClassToShare): number {
  const gaps = have.map((amount, i) => `${want[i]! - amount} f`).join(' + ')
  return maximise('f', [`${gaps} <= ${capacity - total(have)}`], ['0 <= f <= 1'])
}

/** The largest number of whole wants that fit. */
function mostServed({ have, want, capacity }: ClassToShare): number {
  const gaps = have.map((amount, i) => ({ gap: want[i]! - amount, name: `b${i}` })).filter(({ gap }) => gap > 0)
  const sum = gaps.map(({ gap, name }) => `${gap} ${name}`).join(' + ')
  const names = gaps.map(({ name }) => name)
  return maximise(names.join(' + '), [`${sum} <= ${capacity - total(have)}`], [], `Binary\n${names.join(' ')}`)
}

/** Holds the entitlements of the class that did not fit against the solver's optimum. */
function assertOptimal(fairness: string, share: ClassToShare, entitlement: Float64Array, fraction: number): void {
  if (fairness === 'max-min') {
    for (const [i, amount] of maxMin(share).entries()) assert.ok(Math.abs(entitlement[i]! - amount) <= NEAR)
  } else if (fairness === 'proportional') {
    assert.ok(Math.abs(largestFraction(share) - fraction) <= NEAR)
    for (const [i, amount] of share.have.entries()) {
      assert.ok(Math.abs(entitlement[i]! - amount - fraction * (share.want[i]! - amount)) <= NEAR)
    }
  } else {
    const served = share.want.filter((want, i) => want > share.have[i]! && entitlement[i]! >= want - NEAR)
    assert.equal(served.length, Math.round(mostServed(share)))
  }
}

test('each class in turn is optimal', () => {
  let stopped = 0
  for (const text of fc.sample(flatProblems(4), { numRuns: PROBLEMS, seed: 20 })) {
    const problem = problemOf({ ...text, surplus: 'hold', remainder: 'share' })
    const domains = domainsUnder(problem, -1)
    const { entitlement, groups } = arbitrate(problem)
    const { stoppedAt, fraction } = groups[0]!
    const weight = domains.map((domain) => domain.weight)
    let have = domains.map(({ start }) => start)
    for (let k = 0; k <= problem.classes; k++) {
      const share = { have, want: domains.map(({ wants }) => wants[k]!), weight, capacity: problem.capacity }
      const fits = mostGranted(share) >= total(share.want) - NEAR
      assert.equal(fits, stoppedAt === -1 || k < stoppedAt, `class ${k} of ${JSON.stringify(text)}`)
      if (!fits) {
        stopped++
        assertOptimal(problem.fairness, share, entitlement, fraction)
        break
      }
      have = share.want
    }
  }
  // A test of sharing that never shares would prove nothing.
  assert.ok(stopped > PROBLEMS / 10, `${stopped} problems stopped`)
})

/** The properties that every arbitration has, whatever the problem; trees and owners included. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { arbitrate } from '#core/arbitrate/arbitrate.ts'
import { BOUNDS, type Problem } from '#core/arbitrate/problem.ts'
import { newWorkspace } from '#core/arbitrate/workspace.ts'
import { checkArbitration } from '#core/check/check-arbitration.ts'
import { domainsUnder, type ReferenceDomain, solveReference } from '#core/check/reference.ts'
import { roundByRunningSums } from '#core/round.ts'
import { flatProblems, type ProblemText, problemOf, treeProblems } from './problems.ts'

const RUNS = { numRuns: 400 }
const NEAR = 1e-9
const mixed = fc.oneof(treeProblems(4), treeProblems(10), flatProblems(10))

function assertNear(actual: number, expected: number, what: string): void {
  const tolerance = NEAR * Math.max(1, Math.abs(expected))
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual} is not ${expected}`)
}

const childrenOf = (problem: Problem, parent: number): number[] =>
  [...problem.ids.keys()].filter((row) => problem.parent[row] === parent)

/** All domains of a tree by row. */
function domainsByRow(problem: Problem): ReferenceDomain[] {
  const all: ReferenceDomain[] = []
  const visit = (domain: ReferenceDomain): void => {
    all[domain.row] = domain
    domain.children.forEach(visit)
  }
  domainsUnder(problem, -1).forEach(visit)
  return all
}

/** A sum of which no digit is lost before the last additions (Shewchuk, 1997): exact where little is left in the end. */
function exactSum(amounts: readonly number[]): number {
  let partials: number[] = []
  for (const amount of amounts) {
    let x = amount
    const next: number[] = []
    for (const y of partials) {
      const sum = x + y
      const lost = Math.abs(x) >= Math.abs(y) ? y - (sum - x) : x - (sum - y)
      if (lost !== 0) next.push(lost)
      x = sum
    }
    partials = [...next, x]
  }
  return partials.reduceRight((sum, part) => sum + part, 0)
}

test('the same as the slow solver that shares no code', () => {
  const property = fc.property(fc.oneof(treeProblems(4), flatProblems(4)), (text) => {
    const problem = problemOf(text)
    const expected = solveReference(problem)
    for (const [row, amount] of arbitrate(problem).entitlement.entries()) {
      assertNear(amount, expected.entitlement[row]!, problem.ids[row]!)
    }
  })
  fc.assert(property, RUNS)
})

test('1. conservation: siblings never have more than they divide, and all of it where a class stops', () => {
  const property = fc.property(mixed, (text) => {
    const problem = problemOf(text)
    const { entitlement, groups } = arbitrate(problem)
    for (const { parent, capacity, stoppedAt, shrunk } of groups) {
      const over = exactSum([...childrenOf(problem, parent).map((row) => entitlement[row]!), -capacity])
      // The capacity inside a parent is itself a rounded sum, so its last digit is all that doubles can promise.
      const lastDigit = capacity * Number.EPSILON
      assert.ok(over <= lastDigit, `under ${parent}: ${over} above ${capacity}`)
      if (shrunk || (stoppedAt >= 0 && problem.remainder === 'share')) assert.ok(over >= -lastDigit, `${over} left`)
    }
  })
  fc.assert(property, RUNS)
})

test('2. nobody under its start, nobody above its limit', () => {
  const property = fc.property(mixed, (text) => {
    const problem = problemOf(text)
    const { entitlement } = arbitrate(problem)
    for (const { row, start, limit } of domainsByRow(problem)) {
      assert.ok(entitlement[row]! >= start - NEAR && entitlement[row]! <= limit + NEAR, `${problem.ids[row]}`)
    }
  })
  fc.assert(property, RUNS)
})

test('3. no inversion: where a class is unmet, nobody beside it has more than the class gives', () => {
  const property = fc.property(mixed, (text) => {
    const problem = problemOf({ ...text, remainder: 'share' })
    const domains = domainsByRow(problem)
    const { entitlement, groups } = arbitrate(problem)
    for (const { parent, stoppedAt } of groups) {
      if (stoppedAt < 0) continue
      for (const row of childrenOf(problem, parent)) {
        assert.ok(entitlement[row]! <= domains[row]!.wants[stoppedAt]! + NEAR, problem.ids[row]!)
      }
    }
  })
  fc.assert(property, RUNS)
})

/** The problem of the classes up to k alone, without surplus. */
function upToClass(problem: Problem, k: number): Problem {
  return { ...problem, classes: k, requests: problem.requests.slice(0, k * problem.count), surplus: 'hold' }
}

test('5. a higher request takes nothing from siblings that have less for their weight', () => {
  const more = fc.integer({ min: 1, max: 40 })
  const property = fc.property(treeProblems(4), fc.nat(), fc.nat(), more, (text, r, c, quarters) => {
    const full = problemOf({ ...text, fairness: 'max-min', remainder: 'share' })
    const parents = new Set(full.parent)
    // Without own, class 0 does not change with the request.
    const leaves = [...full.ids.keys()].filter((row) => !parents.has(row) && Number.isNaN(full.own[row]!))
    if (leaves.length === 0 || full.classes === 0) return
    const row = leaves[r % leaves.length]!
    const k = 1 + (c % full.classes)
    const before = upToClass(full, k)
    const at = (k - 1) * full.count + row
    const after = { ...before, requests: before.requests.with(at, before.requests[at]! + quarters / 4) }
    const was = arbitrate(before).entitlement
    const is = arbitrate(after).entitlement
    const domains = domainsByRow(before)
    const unmoved = (domain: ReferenceDomain): void => {
      assertNear(is[domain.row]!, was[domain.row]!, before.ids[domain.row]!)
      domain.children.forEach(unmoved)
    }
    for (let on = row; on !== -1; on = before.parent[on]!) {
      const standing = was[on]! / domains[on]!.weight
      for (const other of childrenOf(before, before.parent[on]!)) {
        if (other !== on && was[other]! / domains[other]!.weight < standing - NEAR) unmoved(domains[other]!)
      }
    }
  })
  fc.assert(property, RUNS)
})

test('6. the order of input matters only in ties and rounding', () => {
  const turned = (text: ProblemText): ProblemText => ({ ...text, domains: [...text.domains].reverse() })
  const property = fc.property(mixed, (text) => {
    fc.pre(text.fairness !== 'satisfy-most')
    const one = problemOf(text)
    const other = problemOf(turned(text))
    const entitled = arbitrate(one).entitlement
    const entitledOther = arbitrate(other).entitlement
    for (const [row, id] of one.ids.entries()) assertNear(entitledOther[other.ids.indexOf(id)]!, entitled[row]!, id)
  })
  fc.assert(property, RUNS)
})

test('the checker finds nothing to object to', () => {
  const property = fc.property(mixed, (text) => {
    const problem = problemOf(text)
    assert.deepEqual(checkArbitration(problem, arbitrate(problem)), [])
  })
  // A remainder of one last digit, which is no capacity.
  const leaves = [{ id: 'a' }, { id: 'b', reservation: 1 }, { id: 'c', requests: [0.2] }]
  const digit: ProblemText = {
    capacity: 1.2000000000000002,
    minimum: 0.1,
    remainder: { default: ['top'] },
    domains: [{ id: 'top', domains: leaves }],
  }
  fc.assert(property, { numRuns: 1000, examples: [[digit]] })
})

test('certificates: each bound says what its entitlement is', () => {
  const property = fc.property(mixed, (text) => {
    const problem = problemOf(text)
    const domains = domainsByRow(problem)
    const { entitlement, bound, boundClass, groups } = arbitrate(problem)
    for (const { row, start, wants, weight, limit } of domains) {
      const group = groups.find(({ parent }) => parent === problem.parent[row])!
      const priority = boundClass[row]!
      const amount = entitlement[row]!
      const kind = BOUNDS[bound[row]!]!
      if (kind === 'start') assertNear(amount, start, 'start')
      if (kind === 'own' || kind === 'request') assertNear(amount, wants[priority]!, kind)
      if (kind === 'limit') assertNear(amount, limit, 'limit')
      if (kind === 'level') {
        assert.equal(priority, group.stoppedAt)
        if (Number.isNaN(group.fraction)) assertNear(amount, weight * group.level, 'level')
        else {
          const from = priority === 0 ? start : wants[priority - 1]!
          assertNear(amount, from + group.fraction * (wants[priority]! - from), 'fraction')
        }
      }
      if (kind === 'surplus') assert.ok(group.stoppedAt === -1 || problem.remainder !== 'share')
    }
  })
  fc.assert(property, RUNS)
})

test('a workspace used before changes nothing', () => {
  const workspace = newWorkspace()
  const property = fc.property(mixed, (text) => {
    const problem = problemOf(text)
    assert.deepEqual(arbitrate(problem, workspace), arbitrate(problem))
  })
  fc.assert(property, RUNS)
})

test('lost capacity: starts shrink in proportion, at every level', () => {
  const property = fc.property(treeProblems(10), fc.double({ min: 0, max: 0.99, noNaN: true }), (text, left) => {
    const whole = problemOf(text)
    const starts = domainsUnder(whole, -1).reduce((sum, { start }) => sum + start, 0)
    fc.pre(starts > 0)
    const problem = { ...whole, capacity: starts * left }
    const { entitlement, groups } = arbitrate(problem)
    assert.ok(groups[0]!.shrunk)
    for (const { row, start } of domainsUnder(problem, -1))
      assertNear(entitlement[row]!, start * left, problem.ids[row]!)
  })
  fc.assert(property, RUNS)
})

test('rounding: whole grains, near the entitlement, children within their parent, all within the capacity', () => {
  const property = fc.property(mixed, fc.constantFrom(0.25, 0.5, 1, 3), (text, grain) => {
    const problem = problemOf(text)
    const { entitlement } = arbitrate(problem)
    const allocation = roundByRunningSums(problem, entitlement, grain, problem.capacity)
    for (const [row, amount] of allocation.entries()) {
      assert.ok(Number.isInteger(amount / grain) && amount >= 0)
      assert.ok(Math.abs(amount - entitlement[row]!) <= 1.5 * grain + NEAR)
      const inside = childrenOf(problem, row).reduce((sum, child) => sum + allocation[child]!, 0)
      assert.ok(inside <= amount)
    }
    const sum = childrenOf(problem, -1).reduce((total, row) => total + allocation[row]!, 0)
    assert.ok(sum <= problem.capacity + NEAR)
  })
  fc.assert(property, RUNS)
})

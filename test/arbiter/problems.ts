/** Problems for the arbiter's tests: written as `reeve solve` reads them, or drawn at random by fast-check. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseSolveProblem } from '#cli/solve-problem.ts'
import type { Problem } from '#core/arbitrate/problem.ts'

export interface DomainText {
  readonly id: string
  readonly requests?: readonly number[]
  readonly weight?: number
  readonly reservation?: number
  readonly own?: number
  readonly lend?: boolean
  readonly borrow?: boolean
  readonly limit?: number
  readonly domains?: readonly DomainText[]
}

export interface ProblemText {
  readonly capacity: number
  readonly minimum?: number
  readonly fairness?: Problem['fairness']
  readonly surplus?: Problem['surplus']
  readonly remainder?: Problem['remainder']
  readonly domains: readonly DomainText[]
}

/** The columns of a problem as the calculator reads it. */
export function problemOf(text: ProblemText): Problem {
  const parsed = parseSolveProblem(JSON.stringify(text))
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.message)
  return parsed.value.problem
}

type Leaf = Omit<DomainText, 'id' | 'domains'>

interface Tree {
  readonly settings: Leaf
  readonly children: readonly Tree[]
}

/** Amounts that are whole parts of 1: in quarters ties happen often, in tenths the rounding of doubles does. */
const amountsIn = (parts: number) => (most: number) => fc.integer({ min: 0, max: most * parts }).map((n) => n / parts)

function leavesIn(parts: number): fc.Arbitrary<Leaf> {
  const upTo = amountsIn(parts)
  return fc.record(
    {
      requests: fc.array(upTo(20), { minLength: 1, maxLength: 4 }),
      weight: fc.constantFrom(0.5, 1, 2, 3, 10),
      reservation: upTo(4),
      own: upTo(6),
      lend: fc.boolean(),
      borrow: fc.boolean(),
      limit: upTo(20),
    },
    { requiredKeys: ['requests'] },
  )
}

function treesIn(parts: number): fc.Arbitrary<Tree> {
  const upTo = amountsIn(parts)
  const parent = fc.record(
    { weight: fc.constantFrom(0.5, 1, 4), reservation: upTo(3), limit: upTo(60) },
    { requiredKeys: [] },
  )
  return fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.record({ settings: leavesIn(parts), children: fc.constant<Tree[]>([]) }),
      fc.record({ settings: parent, children: fc.array(tie('tree'), { minLength: 1, maxLength: 4 }) }),
    ),
  })).tree
}

/** Raises own and limits to what they must at least be, so that every draw is a problem that makes sense. */
function domainOf({ settings, children }: Tree, path: string, minimum: number): { domain: DomainText; start: number } {
  const inside = children.map((child, i) => domainOf(child, `${path}.${i}`, minimum))
  const reserved = settings.reservation
  const start = inside.length === 0 ? (reserved ?? minimum) : inside.reduce((sum, child) => sum + child.start, 0)
  const least = Math.max(start, reserved ?? 0)
  const own = settings.own === undefined ? undefined : Math.max(settings.own, reserved ?? 0)
  const limit = settings.limit === undefined ? undefined : Math.max(settings.limit, least, own ?? 0)
  const domain = {
    ...settings,
    id: path,
    ...(own !== undefined && { own }),
    ...(limit !== undefined && { limit }),
    ...(inside.length > 0 && { domains: inside.map((child) => child.domain) }),
  }
  return { domain, start: least }
}

/** Random problems with owners, every rule, and a capacity that covers the starts and rarely all else. */
function problemsWith(trees: fc.Arbitrary<Tree>, parts: number): fc.Arbitrary<ProblemText> {
  return fc
    .record({
      trees: fc.array(trees, { minLength: 1, maxLength: 6 }),
      minimum: fc.constantFrom(0, 1 / parts, 1),
      fairness: fc.constantFrom<Problem['fairness']>('max-min', 'satisfy-most', 'proportional'),
      surplus: fc.constantFrom<Problem['surplus']>('hold', 'spread', 'equal', { default: ['d0'] }),
      remainder: fc.constantFrom<Problem['remainder']>('share', 'share', 'share', 'hold', { default: ['d0'] }),
      above: amountsIn(parts)(60),
    })
    .map(({ trees, above, ...rules }) => {
      const drawn = trees.map((tree, i) => domainOf(tree, `d${i}`, rules.minimum))
      const starts = drawn.reduce((sum, { start }) => sum + start, 0)
      return { ...rules, capacity: starts + above, domains: drawn.map(({ domain }) => domain) }
    })
}

/** Trees, with all amounts in whole parts of 1. */
export const treeProblems = (parts: number): fc.Arbitrary<ProblemText> => problemsWith(treesIn(parts), parts)

/** One level of leaves. */
export const flatProblems = (parts: number): fc.Arbitrary<ProblemText> =>
  problemsWith(fc.record({ settings: leavesIn(parts), children: fc.constant<Tree[]>([]) }), parts)

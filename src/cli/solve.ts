/** `reeve solve`: the arbiter alone, as a calculator. Text in, the answer in the terms of the text out; no files. */
import { arbitrate } from '#core/arbitrate/arbitrate.ts'
import { because } from '#core/arbitrate/because.ts'
import type { Arbitration, Because, Problem } from '#core/arbitrate/problem.ts'
import { rollUp } from '#core/arbitrate/rollup.ts'
import { NOISE } from '#core/arbitrate/sum.ts'
import { roundByRunningSums } from '#core/round.ts'
import { parseSolveProblem } from './solve-problem.ts'

/** How the top level came out in one class. */
export interface ClassOutcome {
  readonly priority: number
  readonly satisfied: boolean
  /** At the class that stopped by max-min. */
  readonly level?: number
  /** At the class that stopped by proportional sharing. */
  readonly fraction?: number
}

/** Maps, since an object would put ids that look like whole numbers first. */
export interface SolveOutput {
  readonly allocations: ReadonlyMap<string, number>
  /** Capacity minus the top level; what a parent has left inside is its own. */
  readonly unallocated: number
  readonly classes: readonly ClassOutcome[]
  readonly because: ReadonlyMap<string, Because>
}
export type Solved =
  | { readonly ok: true; readonly output: SolveOutput }
  | { readonly ok: false; readonly message: string }

/** Solves the JSON text of one problem; `message` is one line that names all that is wrong with it. */
export function solveText(text: string): Solved {
  const parsed = parseSolveProblem(text)
  if (!parsed.ok) return parsed
  const { problem, granularity } = parsed.value
  const arbitration = arbitrate(problem)
  const allocation =
    granularity > 0
      ? roundByRunningSums(problem, arbitration.entitlement, granularity, problem.capacity)
      : arbitration.entitlement
  const demand = rollUp(problem)
  return {
    ok: true,
    output: {
      allocations: new Map(problem.ids.map((id, row) => [id, allocation[row]!])),
      unallocated: unallocatedOf(problem, allocation),
      classes: classesOf(problem, arbitration),
      because: new Map(problem.ids.map((id, row) => [id, because(problem, arbitration, row, demand)])),
    },
  }
}

function unallocatedOf({ capacity, parent }: Problem, allocation: Float64Array): number {
  const left = allocation.reduce((rest, amount, row) => (parent[row] === -1 ? rest - amount : rest), capacity)
  // Nothing left is said as nothing, not as the last digit of a sum.
  return Math.abs(left) <= NOISE * capacity ? 0 : left
}

/** Class 0 is listed where anybody owns something; the classes after the one that stopped are not satisfied. */
function classesOf(problem: Problem, { groups }: Arbitration): ClassOutcome[] {
  const { stoppedAt, level, fraction } = groups[0]!
  const first = problem.own.some((own) => own >= 0) ? 0 : 1
  const outcomes: ClassOutcome[] = []
  for (let priority = first; priority <= problem.classes; priority++) {
    const satisfied = stoppedAt === -1 || priority < stoppedAt
    const stopped = priority === stoppedAt
    outcomes.push({
      priority,
      satisfied,
      ...(stopped && problem.fairness === 'max-min' && !Number.isNaN(level) && { level }),
      ...(stopped && !Number.isNaN(fraction) && { fraction }),
    })
  }
  return outcomes
}

/** The output as JSON, two spaces deep, ids in input order. */
export function renderSolve({ allocations, unallocated, classes, because }: SolveOutput): string {
  const parts = [
    `"allocations": ${objectOf(allocations)}`,
    `"unallocated": ${unallocated}`,
    `"classes": ${listOf(classes)}`,
    `"because": ${objectOf(because)}`,
  ]
  return `{\n  ${parts.join(',\n  ')}\n}`
}

function objectOf(entries: ReadonlyMap<string, unknown>): string {
  const lines = [...entries].map(([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)}`)
  return `{\n${lines.join(',\n')}\n  }`
}

function listOf(values: readonly unknown[]): string {
  return values.length === 0 ? '[]' : `[\n${values.map((value) => `    ${JSON.stringify(value)}`).join(',\n')}\n  ]`
}

/** How long arbitration takes, certificates included, and how exact it is, beside two plainer ways of doing it. */
import { arbitrate } from '#core/arbitrate/arbitrate.ts'
import type { Problem } from '#core/arbitrate/problem.ts'
import { newWorkspace } from '#core/arbitrate/workspace.ts'
import { shareByBisection } from './reference/bisection.ts'
import { shareStepByStep } from './reference/step-by-step.ts'
import type { BenchResult } from './result.ts'

const CAPACITY_PER_DOMAIN = 10
const WARM_UP_MS = 1500
/** As the loop of the daemon and of the simulator do, the bench arbitrates in the same memory each time. */
const workspace = newWorkspace()

export async function benchArbiter(): Promise<BenchResult[]> {
  const sizes = [
    { count: 100, target: 15, runs: 20_000 },
    { count: 10_000, target: 500, runs: 300 },
    { count: 100_000, target: 8000, runs: 25 },
  ]
  return [
    ...sizes.map(({ count, target, runs }) => measureOneClass(count, target, runs)),
    measureWorst(100_000),
    measureManyClasses(10_000, 8, 3),
    ...compare(10_000),
  ]
}

function measureOneClass(count: number, target: number, runs: number): BenchResult {
  const problem = problemOf(count, 1, 1)
  const median = medianMicros(runs, () => arbitrate(problem, workspace))
  const note = errorNote(arbitrate(problem).entitlement, problem)
  return {
    name: `arbiter, ${thousands(count)} domains, 1 class`,
    median,
    unit: 'us',
    target,
    met: median < target,
    note,
  }
}

/** Amounts spread over hundreds of orders of magnitude, so that most halvings of the bracket decide few rows. */
function measureWorst(count: number): BenchResult {
  const problem = problemOf(count, 1, 1)
  for (let row = 0; row < count; row++) problem.requests[row] = 2 ** ((row * 600) / count - 300)
  const capacity = problem.requests.reduce((sum, amount) => sum + amount, 0) * 1e-30
  const median = medianMicros(9, () => arbitrate({ ...problem, minimum: 0, capacity }, workspace))
  return { name: `arbiter, ${thousands(count)} domains, amounts from 2^-300 to 2^300`, median, unit: 'us' }
}

function measureManyClasses(count: number, classes: number, resources: number): BenchResult {
  const problems = Array.from({ length: resources }, (_, seed) => problemOf(count, classes, seed + 1))
  const median = medianMicros(30, () => problems.map((problem) => arbitrate(problem, workspace))) / 1000
  const name = `arbiter, ${thousands(count)} domains, ${classes} classes, ${resources} resources`
  return { name, median, unit: 'ms', target: 15, met: median < 15 }
}

/** The same class by the arbiter and by the two plainer ways, each with what its total misses the capacity by. */
function compare(count: number): BenchResult[] {
  const problem = problemOf(count, 1, 1)
  const start = new Float64Array(count).fill(problem.minimum)
  const want = problem.requests.map((request) => Math.max(problem.minimum, request))
  const ways = [
    { name: 'step by step', runs: 3, share: () => shareStepByStep(start, want, problem.capacity) },
    {
      name: '25-step bisection in whole units',
      runs: 30,
      share: () => shareByBisection(start, want, problem.capacity),
    },
  ]
  return ways.map(({ name, runs, share }) => ({
    name: `${name}, ${thousands(count)} domains, 1 class`,
    median: medianMicros(runs, share),
    unit: 'us',
    note: errorNote(share(), problem),
  }))
}

function errorNote(amounts: Float64Array, problem: Problem): string {
  const ours = arbitrate(problem)
  const level = amounts.reduce(
    (most, amount, row) => (amount < problem.requests[row]! ? Math.max(most, amount) : most),
    0,
  )
  const totalError = Math.abs(exactTotal(amounts) - problem.capacity)
  const levelError = Math.abs(level - ours.groups[0]!.level)
  return `total off by ${totalError.toPrecision(3)}, level by ${levelError.toPrecision(3)}`
}

/** One class that asks for about 1.6 times the capacity; weights 1, so that the plainer ways can follow. */
function problemOf(count: number, classes: number, seed: number): Problem {
  const random = lcg(seed)
  const requests = new Float64Array(count * classes)
  for (let k = 0; k < classes; k++) {
    for (let row = 0; row < count; row++) {
      const before = k === 0 ? 0 : requests[(k - 1) * count + row]!
      requests[k * count + row] = before + (random() * Math.PI * CAPACITY_PER_DOMAIN) / classes
    }
  }
  return {
    capacity: count * CAPACITY_PER_DOMAIN,
    minimum: 1,
    fairness: 'max-min',
    surplus: 'hold',
    remainder: 'share',
    count,
    classes,
    ids: Array.from({ length: count }, (_, row) => `d${row}`),
    parent: new Int32Array(count).fill(-1),
    requests,
    weight: new Float64Array(count).fill(1),
    reservation: new Float64Array(count).fill(NaN),
    own: new Float64Array(count).fill(NaN),
    lend: new Uint8Array(count).fill(1),
    borrow: new Uint8Array(count).fill(1),
    limit: new Float64Array(count).fill(Infinity),
  }
}

/** Numbers in [0, 1) from a linear congruential generator (Numerical Recipes); the same problems in every run. */
function lcg(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** A sum in which no digit is lost: in units of 2^-60, as whole numbers. */
function exactTotal(amounts: Float64Array): number {
  let total = 0n
  for (const amount of amounts) total += BigInt(Math.trunc(amount)) * 2n ** 60n + BigInt((amount % 1) * 2 ** 60)
  return Number(total) / 2 ** 60
}

function medianMicros(runs: number, work: () => unknown): number {
  // Until the compiler has seen these sizes often enough: it optimises anew when the shape of the work changes.
  const until = performance.now() + WARM_UP_MS
  do work()
  while (performance.now() < until)
  const samples: number[] = []
  for (let i = 0; i < runs; i++) {
    const from = process.hrtime.bigint()
    work()
    samples.push(Number(process.hrtime.bigint() - from) / 1000)
  }
  return samples.sort((a, b) => a - b)[samples.length >> 1]!
}

const thousands = (count: number): string => count.toLocaleString('en-US')

if (import.meta.main) {
  const rows = await benchArbiter()
  console.table(
    rows.map(({ name, median, unit, target, met, note }) => ({
      name,
      median: `${median.toPrecision(3)} ${unit}`,
      target,
      met,
      note,
    })),
  )
}

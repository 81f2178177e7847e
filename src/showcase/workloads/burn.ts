/** Work that costs CPU and nothing else, counted in iterations so that it costs the same however long it has to wait. */

/** Keeps the compiler from leaving the loop out. */
let sink = 1

/** Spends CPU on so many iterations of a linear congruential generator. */
export function burn(iterations: number): void {
  let x = sink
  for (let i = 0; i < iterations; i++) x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0
  sink = x | 1
}

/**
 * Iterations that take a millisecond of CPU here: the best of several rounds, because others may run meanwhile. The
 * first rounds also let the compiler do its work.
 */
export function iterationsPerMs(rounds = 12, roundMs = 15): number {
  let best = 0
  let iterations = 100_000
  for (let round = 0; round < rounds; round++) {
    const startedMs = performance.now()
    burn(iterations)
    const perMs = iterations / Math.max(performance.now() - startedMs, 0.01)
    best = Math.max(best, perMs)
    iterations = Math.ceil(perMs * roundMs)
  }
  return best
}

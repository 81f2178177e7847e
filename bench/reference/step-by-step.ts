/**
 * The straightforward way to share one class: raise the lowest to the next target, all together, until nothing is left.
 * Stands beside the arbiter in the bench to show what its speed is worth; never used by the program.
 */

/** What everyone gets of a capacity that `start` fits into and `want` does not; weights are all 1. O(n^2) at worst. */
export function shareStepByStep(start: Float64Array, want: Float64Array, capacity: number): Float64Array {
  const got = start.slice()
  let left = capacity
  for (const amount of got) left -= amount
  const waiting = Array.from(got.keys()).filter((i) => got[i]! < want[i]!)
  // By what they have: the first ones rise, and whoever the rising ones reach rises with them.
  waiting.sort((a, b) => got[a]! - got[b]!)
  let level = waiting.length > 0 ? got[waiting[0]!]! : 0
  let rising: number[] = []
  let next = 0
  while (left > 0 && (rising.length > 0 || next < waiting.length)) {
    if (rising.length === 0) level = got[waiting[next]!]!
    while (next < waiting.length && got[waiting[next]!]! <= level) rising.push(waiting[next++]!)
    let target = next < waiting.length ? got[waiting[next]!]! : Number.POSITIVE_INFINITY
    for (const i of rising) target = Math.min(target, want[i]!)
    const step = Math.min(target - level, left / rising.length)
    level += step
    left -= step * rising.length
    for (const i of rising) got[i] = level
    if (level < target) break
    rising = rising.filter((i) => got[i]! < want[i]!)
  }
  return got
}

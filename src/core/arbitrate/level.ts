/**
 * The water level of max-min fairness: the continuous quadratic knapsack problem in disguise. Found by Newton's method
 * on rows that are still undecided (Cominetti, Mascarenhas and Silva, 2014), held inside a bracket.
 */

/** Rows that can rise, gathered into columns; `ceiling > floor` and `weight > 0` in each. The search reorders them. */
export interface Rising {
  readonly floor: Float64Array
  readonly ceiling: Float64Array
  readonly weight: Float64Array
}

/** Newton needs three to five passes on ordinary problems; after so many, every second pass halves the bracket. */
const PASSES_BEFORE_HALVING = 5
/** Plain sums of up to a million doubles are about this exact; the caller polishes the last digits. */
const EXACTNESS = 1e-14

/**
 * A level L with sum(max(floor, min(ceiling, weight x L)) - floor) = rise over the first `count` rows, up to the
 * rounding of plain sums; where several levels do, any of them. Wants 0 < rise < sum(ceiling - floor).
 *
 * Each pass drops the rows that the bracket has decided (full, untouched, or in between whatever the level), so that
 * ordinary problems cost about two passes over all rows. Halving goes by the exponent first (geometric mean), which
 * bounds any input at about 130 passes, however its amounts are spaced.
 *
 * Example: floors 0, 0, ceilings 2, 9, weights 1, 1, rise 6: at 3 the first is full, so (6 - 2) / 1 = 4.
 */
export function waterLevel(rising: Rising, count: number, rise: number): number {
  const { floor, ceiling, weight } = rising
  let [low, high] = bracketOf(rising, count, rise)
  let level = low
  let undecided = count
  // Of the decided rows: what the full ones gained, and weight and floors of those in between.
  let fullGain = 0
  let betweenWeight = 0
  let betweenFloor = 0
  for (let pass = 0; ; pass++) {
    let kept = 0
    let gain = 0
    let slope = 0
    let base = 0
    for (let j = 0; j < undecided; j++) {
      const w = weight[j]!
      const bottom = floor[j]!
      const top = ceiling[j]!
      const lowest = w * low
      const highest = w * high
      if (lowest >= top) fullGain += top - bottom
      else if (highest > bottom) {
        if (lowest >= bottom && highest <= top) {
          betweenWeight += w
          betweenFloor += bottom
          continue
        }
        weight[kept] = w
        floor[kept] = bottom
        ceiling[kept] = top
        kept++
        const at = w * level
        if (at >= top) gain += top - bottom
        else if (at > bottom) {
          slope += w
          base += bottom
        }
      }
    }
    undecided = kept
    slope += betweenWeight
    const wanted = rise - fullGain - gain + betweenFloor + base
    const newton = wanted / slope
    if (kept === 0) return slope > 0 ? newton : level
    const missing = wanted - slope * level
    if (Math.abs(missing) <= EXACTNESS * (rise + slope * level)) return level
    if (missing > 0) low = level
    else high = level
    const halve = pass >= PASSES_BEFORE_HALVING && pass % 2 === 0
    level = !halve && newton > low && newton < high ? newton : Math.sqrt(low) * Math.sqrt(high)
    // Neighbouring doubles have nothing between them: this is as close as a level can be said.
    if (level <= low || level >= high) return high
  }
}

/** No row gains more than its weight times the level, and above the highest ceiling per weight nobody rises. */
function bracketOf({ ceiling, weight }: Rising, count: number, rise: number): [number, number] {
  let weights = 0
  let high = 0
  for (let j = 0; j < count; j++) {
    weights += weight[j]!
    high = Math.max(high, ceiling[j]! / weight[j]!)
  }
  return [rise / weights, Math.min(high, Number.MAX_VALUE)]
}

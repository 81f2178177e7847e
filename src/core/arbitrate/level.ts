/**
 * The water level of max-min fairness: the continuous quadratic knapsack problem in disguise. A sample brackets it, one
 * pass over all rows decides nearly all of them by that bracket, and Newton's method on the rows left undecided finds it
 * (after Floyd and Rivest, 1975, and Cominetti, Mascarenhas and Silva, 2014).
 */

/** Rows that may rise, as columns from some index on: floor[floorAt], floor[floorAt + 1], and so on. */
export interface Risers {
  readonly floor: Float64Array
  readonly floorAt: number
  readonly ceiling: Float64Array
  readonly ceilingAt: number
  /** Above 0. */
  readonly weight: Float64Array
  readonly weightAt: number
  readonly count: number
}

/** Scratch columns for undecided rows; as long as the rows are many. */
export interface Rising {
  readonly floor: Float64Array
  readonly ceiling: Float64Array
  readonly weight: Float64Array
}

/** What a bracket has decided: how many rows are left, and of the others the gain of the full and the line of the rest. */
interface Undecided {
  low: number
  high: number
  count: number
  fullGain: number
  betweenWeight: number
  betweenFloor: number
}

/** Below this a sample costs more than it saves. */
const SAMPLED_FROM = 512
/** Newton needs three to five passes on ordinary problems; after so many, every second pass halves the bracket. */
const PASSES_BEFORE_HALVING = 5
/** Plain sums of up to a million doubles are about this exact; the caller polishes the last digits. */
const EXACTNESS = 1e-14

/**
 * A level L with sum(max(floor, min(ceiling, weight x L)) - floor) = rise, up to the rounding of plain sums; where
 * several levels do, any of them. Rows with ceiling <= floor do not count. Wants 0 < rise < sum(ceiling - floor).
 *
 * Halving goes by the exponent first (geometric mean), which bounds any input at about 130 passes over what is
 * undecided, however its amounts are spaced; ordinary problems cost little more than one pass over all rows.
 *
 * Example: floors 0, 0, ceilings 2, 9, weights 1, 1, rise 6: at 3 the first is full, so (6 - 2) / 1 = 4.
 */
export function waterLevel(risers: Risers, rise: number, scratch: Rising): number {
  const { count } = risers
  if (count >= SAMPLED_FROM) {
    // Floyd's and Rivest's size: the sample costs about as much as the rows that its bracket leaves undecided.
    const sample = Math.round(Math.cbrt(count) ** 2)
    const middle = sampleLevel(risers, Math.floor(count / sample), rise, scratch)
    // The level of a sample is off by about the reciprocal of its root, less where amounts differ little.
    const width = 2 / Math.sqrt(sample)
    const bracket = decideBy(risers, middle * (1 - width), middle * (1 + width), scratch)
    if (holds(bracket, rise, scratch)) return search(bracket, rise, scratch)
  }
  const undecided = decideBy(risers, 0, Number.POSITIVE_INFINITY, scratch)
  const [low, high] = outerBracket(scratch, undecided.count, rise)
  return search({ ...undecided, low, high }, rise, scratch)
}

/** The level of every so-many-th row with its part of the rise; only a guess, so that any order of rows is right. */
function sampleLevel(risers: Risers, stride: number, rise: number, scratch: Rising): number {
  const { floor, floorAt, ceiling, ceilingAt, weight, weightAt, count } = risers
  let taken = 0
  let room = 0
  for (let j = 0; j < count; j += stride) {
    const bottom = floor[floorAt + j]!
    const top = ceiling[ceilingAt + j]!
    if (top <= bottom) continue
    scratch.floor[taken] = bottom
    scratch.ceiling[taken] = top
    scratch.weight[taken] = weight[weightAt + j]!
    room += top - bottom
    taken++
  }
  const share = rise / stride
  if (taken === 0 || share >= room) return 0
  const [low, high] = outerBracket(scratch, taken, share)
  return search({ low, high, count: taken, fullGain: 0, betweenWeight: 0, betweenFloor: 0 }, share, scratch)
}

/** One pass over all rows: those that a level between low and high leaves undecided go to the scratch columns. */
function decideBy(risers: Risers, low: number, high: number, scratch: Rising): Undecided {
  const { floor, floorAt, ceiling, ceilingAt, weight, weightAt, count } = risers
  let kept = 0
  let fullGain = 0
  let betweenWeight = 0
  let betweenFloor = 0
  for (let j = 0; j < count; j++) {
    const w = weight[weightAt + j]!
    const bottom = floor[floorAt + j]!
    const top = ceiling[ceilingAt + j]!
    const lowest = w * low
    const highest = w * high
    if (highest <= bottom || top <= bottom) continue
    if (lowest >= top) fullGain += top - bottom
    else if (lowest >= bottom && highest <= top) {
      betweenWeight += w
      betweenFloor += bottom
    } else {
      scratch.weight[kept] = w
      scratch.floor[kept] = bottom
      scratch.ceiling[kept] = top
      kept++
    }
  }
  return { low, high, count: kept, fullGain, betweenWeight, betweenFloor }
}

/** Whether a guessed bracket has the level inside: too little is used at its lower end, and enough at its upper one. */
function holds(bracket: Undecided, rise: number, scratch: Rising): boolean {
  if (!(bracket.low > 0)) return false
  return usedAt(bracket, bracket.low, scratch) <= rise && usedAt(bracket, bracket.high, scratch) >= rise
}

function usedAt({ count, fullGain, betweenWeight, betweenFloor }: Undecided, level: number, scratch: Rising): number {
  let used = fullGain + betweenWeight * level - betweenFloor
  for (let j = 0; j < count; j++) {
    const bottom = scratch.floor[j]!
    used += Math.max(bottom, Math.min(scratch.ceiling[j]!, scratch.weight[j]! * level)) - bottom
  }
  return used
}

/** No row gains more than its weight times the level, and above the highest ceiling per weight nobody rises. */
function outerBracket({ ceiling, weight }: Rising, count: number, rise: number): [number, number] {
  let weights = 0
  let high = 0
  for (let j = 0; j < count; j++) {
    weights += weight[j]!
    high = Math.max(high, ceiling[j]! / weight[j]!)
  }
  return [rise / weights, Math.min(high, Number.MAX_VALUE)]
}

/** Newton's method inside the bracket; each pass drops the rows that the narrower bracket decides. */
function search(start: Undecided, rise: number, { floor, ceiling, weight }: Rising): number {
  let { low, high, count, fullGain, betweenWeight, betweenFloor } = start
  let level = low
  for (let pass = 0; ; pass++) {
    let kept = 0
    let gain = 0
    let slope = 0
    let base = 0
    for (let j = 0; j < count; j++) {
      const w = weight[j]!
      const bottom = floor[j]!
      const top = ceiling[j]!
      const lowest = w * low
      const highest = w * high
      if (highest <= bottom) continue
      if (lowest >= top) {
        fullGain += top - bottom
        continue
      }
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
    count = kept
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

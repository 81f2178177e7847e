import { CPU, ONE_CPU } from '#core/model/resource.ts'
import { isCpuLeft } from './cpu-left.ts'
import { type Estimate, type Estimator, remembered, type Sight } from './estimator.ts'
import { isTrusted, observed, predictedTime, type Queue, queueOf, slackFor } from './queue.ts'
import { mostOf, windowed } from './window.ts'
import { withoutReading } from './without-reading.ts'

/** The model aims at this part of a time that is to be kept below the target. */
const MARGIN = 0.8
/** Part of the relative error by which the need is raised in one turn without a model, and the most and least. */
const GAIN = 0.5
const RAISE_MOST = 1.5
const RAISE_LEAST = 1.1
/** Who has not used so much of what is in force was helped by the last step, or is not by any: a small one is taken. */
const TAKEN_UP = 0.85
/** Between this index and 1 the goal is met without waste, and without a model the need stays. */
const COMFORTABLE = 0.7
/** Part of the excess that is given back in one turn by a goal that is met with infinite ease; less the closer it is. */
const GIVE_BACK = 0.5
/** The need is never lowered below use times this: a service at its own use has no room to answer in. */
const ROOM = 1.1
/** Where more of its capacity is used a queue only grows, and its time says how long that has lasted. */
export const SATURATED = 0.97

/**
 * Asks for the least that is predicted to meet the goal, by a model of the service that is learned while it runs
 * (`queue.ts`); until that has earned trust, and where all that the domain has is used up, it asks for more step by step
 * while the goal is missed and CPU is what it lacks. What it asks for rises at once and falls late (`window.ts`). The
 * performance index is measured over target where lower is better, else the inverse. Source of the steps: the integral
 * controllers of Padala et al., "Adaptive control of virtualized resources in utility computing environments" (EuroSys
 * 2007), with a bound.
 *
 * Worked, without a model: 800 millicores at a p95 of 300 ms against 200 ms (index 1.5) ask for 800 x 1.25 = 1000.
 */
export const performance: Estimator<'performance'> = (aim, sight, memory) => {
  const { metric, nowMs } = sight
  const use = sight.use[CPU]
  if (metric.kind !== 'fresh' || use === undefined) return withoutReading(sight, memory)
  const index = aim.direction === 'below' ? metric.value / aim.target : aim.target / Math.max(metric.value, 1e-9)
  const measured = { value: metric.value, target: aim.target, index }
  const before = queueOf(memory)
  const found = capacityFound(sight, use, before?.most)
  const isSaturated = use >= SATURATED * found
  const isNew = !metric.isRepeated
  // A metric of which more is better is no time, and no time at all is what many report while nothing is asked of them.
  const isTime = aim.direction === 'below' && metric.value > 0
  const queue = isTime && !isSaturated && isNew ? observed(before, metric.value, use, found) : before
  const asked = Math.max(remembered(memory, 'need') ?? 0, use)
  const last = Math.max(remembered(memory, 'step') ?? asked, use)
  const state = { sight, asked, last, use, found, index, measured, isNew, isSaturated }
  const step = stepOf(state, before, queue)
  const wanted = Math.min(step.need, sight.capacity[CPU] ?? Number.POSITIVE_INFINITY)
  // What was asked for while nothing was known of the service yet is forgotten when the model has first earned trust.
  const wasTold = remembered(memory, 'told') === 1
  const isTold = wasTold || step.margin !== undefined
  const window = windowed(isTold && !wasTold ? {} : memory, wanted, nowMs)
  const need = mostOf(window)
  return {
    need: { [CPU]: need },
    least: step.margin === undefined ? {} : { [CPU]: Math.max(need - step.margin, use) },
    because: step.because(need),
    measured,
    memory: { need, step: wanted, told: isTold ? 1 : 0, ...window, ...queue },
  }
}

interface State {
  readonly sight: Sight
  /** What was asked for last, and what would have been without the window. */
  readonly asked: number
  readonly last: number
  readonly use: number
  readonly found: number
  readonly index: number
  readonly measured: { readonly value: number; readonly target: number }
  /** Whether a step may follow from the reading; one reading gives reason for no more than one. */
  readonly isNew: boolean
  readonly isSaturated: boolean
}

interface Step {
  readonly need: number
  /** The reason for what is asked for in the end, in millicores. */
  readonly because: (need: number) => Estimate['because']
  /** What of it could be missing before the goal is predicted to be missed; absent where there is no prediction. */
  readonly margin?: number
}

/** One request keeps one CPU busy at a time; who was seen to keep some busy at once could keep half as many more. */
const MORE_THAN_SEEN = 1.5

/**
 * The CPU that the domain found when it wanted some: what it is entitled to, and of what others left idle as much as it
 * did not wait for and could have used, by the most (millicores) that it was ever seen to use at once.
 *
 * Worked: held back for a tenth of the time with 300 in force, one that never used more than 600 found 900.
 */
export function capacityFound(sight: Pick<Sight, 'capacity' | 'heldBack' | 'inForce'>, use: number, most = 0): number {
  const all = sight.capacity[CPU] ?? use
  const unhindered = (1 - (sight.heldBack[CPU] ?? 0)) * Math.min(Math.max(ONE_CPU, MORE_THAN_SEEN * most), all)
  return Math.min(Math.max(sight.inForce[CPU] ?? 0, use, unhindered), Math.max(all, use))
}

function stepOf(state: State, before: Queue | null, queue: Queue | null): Step {
  const { sight, last, use, found, index, measured, isNew, isSaturated } = state
  if (index > 1 && isCpuLeft(sight)) {
    const entitlement = sight.inForce[CPU] ?? 0
    return { need: state.asked, because: () => ({ kind: 'not-this-resource', use, entitlement }) }
  }
  const isSilenced = sight.without.includes('model')
  if (before === null || queue === null || isSaturated || isSilenced || !isTrusted(queue)) {
    if (!isNew) return { need: last, because: feedback(state, last, 1) }
    return index > 1 ? raise(state) : lower(state)
  }
  const expected = predictedTime(before, Math.max(found - use, 1))
  const least = Math.max(use + slackFor(queue, MARGIN * measured.target), use * ROOM)
  // The model is off where it has all that it asks for and the goal is missed.
  const step = index > 1 ? Math.max(least, tried(state) * RAISE_LEAST) : least
  // Between readings it would follow the use of whoever uses what it is given, turn by turn.
  const need = isNew ? step : last
  const told = { measured: measured.value, target: measured.target, expected, off: queue.off }
  return {
    need,
    margin: slackFor(queue, MARGIN * measured.target) - slackFor(queue, measured.target),
    because: (asked) => ({ kind: 'queue', ...told, predicted: predictedTime(queue, Math.max(asked - use, 1)) }),
  }
}

/** What was asked for and not granted gives no reason yet to ask for more: a step is taken from what was tried. */
function tried({ sight, asked }: State): number {
  const inForce = sight.inForce[CPU] ?? 0
  return inForce > 0 ? Math.min(asked, inForce) : asked
}

function raise(state: State): Step {
  const { sight, asked, use, index } = state
  const most = use < TAKEN_UP * (sight.inForce[CPU] ?? 0) ? RAISE_LEAST : RAISE_MOST
  const factor = Math.min(1 + GAIN * (index - 1), most)
  const from = tried(state)
  return { need: Math.max(asked, from * factor), because: feedback(state, from, factor) }
}

function lower(state: State): Step {
  const { sight, last: from, use, index } = state
  const floor = Math.max(sight.smoothUse[CPU] ?? use, use) * ROOM
  const ease = Math.max(0, 1 - index / COMFORTABLE)
  const need = floor > from ? floor : from + GIVE_BACK * ease * (floor - from)
  return { need, because: feedback(state, from, from > 0 ? need / from : 1) }
}

function feedback({ measured }: State, from: number, factor: number): Step['because'] {
  return () => ({ kind: 'feedback', measured: measured.value, target: measured.target, factor, from })
}

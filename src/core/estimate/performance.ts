import { CPU } from '#core/model/resource.ts'
import { type Estimate, type Estimator, remembered, type Sight } from './estimator.ts'
import { withoutReading } from './without-reading.ts'

/** Part of the relative error by which the need is raised in one turn, and the most it may be raised by. */
const GAIN = 0.5
const RAISE_MOST = 1.3
/** Between this index and 1 the goal is met without waste, and the need stays. */
const COMFORTABLE = 0.7
/** Part of the excess that is given back in one turn by a goal that is met with infinite ease; less the closer it is. */
const GIVE_BACK = 0.5
/** The need is never lowered below use times this: a service at its own use has no room to answer in. */
const ROOM = 1.2
/** CPU is the bottleneck where this much of the entitlement is used, or where the domain waits that long. */
const USED_UP = 0.7
const HELD_BACK = 0.05

/**
 * A proportional controller on the performance index (measured over target where lower is better, else the inverse):
 * asks for more while the goal is missed and CPU is what it lacks, holds while it is met, and gives back slowly while
 * it is met with ease. Source: the integral controllers of Padala et al., "Adaptive control of virtualized resources
 * in utility computing environments" (EuroSys 2007), with a bounded step.
 *
 * Worked: 800 millicores at a p95 of 300 ms against 200 ms (index 1.5) ask for 800 x 1.25 = 1000.
 */
export const performance: Estimator<'performance'> = (aim, sight, memory) => {
  const { metric } = sight
  const use = sight.use[CPU]
  if (metric.kind !== 'fresh' || use === undefined) return withoutReading(sight, memory)
  const index = aim.direction === 'below' ? metric.value / aim.target : aim.target / Math.max(metric.value, 1e-9)
  const measured = { value: metric.value, target: aim.target, index }
  const from = Math.max(remembered(memory, 'need') ?? 0, use)
  const { need, because } =
    index > 1 ? raise(sight, from, use, index, measured) : lower(sight, from, use, index, measured)
  return { need: { [CPU]: need }, because, measured, memory: { need } }
}

type Step = Pick<Estimate, 'because'> & { readonly need: number }
type Measured = { readonly value: number; readonly target: number }

function raise(sight: Sight, from: number, use: number, index: number, measured: Measured): Step {
  const inForce = sight.inForce[CPU] ?? 0
  if (use < USED_UP * inForce && (sight.heldBack[CPU] ?? 0) < HELD_BACK) {
    return { need: from, because: { kind: 'not-this-resource', use, entitlement: inForce } }
  }
  // The step is taken from what was tried: what was asked for and not granted gives no reason yet to ask for more.
  const tried = inForce > 0 ? Math.min(from, inForce) : from
  const factor = Math.min(1 + GAIN * (index - 1), RAISE_MOST)
  const need = Math.min(Math.max(from, tried * factor), sight.capacity[CPU] ?? Number.POSITIVE_INFINITY)
  return { need, because: { kind: 'feedback', measured: measured.value, target: measured.target, factor, from } }
}

function lower(sight: Sight, from: number, use: number, index: number, measured: Measured): Step {
  const floor = Math.max(sight.smoothUse[CPU] ?? use, use) * ROOM
  const ease = Math.max(0, 1 - index / COMFORTABLE)
  const need = floor > from ? floor : from + GIVE_BACK * ease * (floor - from)
  const factor = from > 0 ? need / from : 1
  return { need, because: { kind: 'feedback', measured: measured.value, target: measured.target, factor, from } }
}

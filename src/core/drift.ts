import type { Drift } from './model/decision.ts'
import type { SetKnob } from './model/knowledge.ts'
import type { DomainObservation, Knob, SchedulingNode, Setting, Settings } from './model/observation.ts'
import type { DriftAnswer } from './model/policy.ts'
import { MEMORY } from './model/resource.ts'

/** The knob by which a guest is asked for something, which it does when it likes. */
const ASKED: Knob = 'memory.balloon'
/** What a domain changes by itself: threads that it starts, CPUs that its own system takes. Nobody else did that. */
const ITS_OWN: ReadonlySet<Knob> = new Set(['sched', 'cpu.count'])
/** Guests count memory in pages, and some of them in large ones: bytes. */
const SAME_MEMORY = 1024 * 1024
/** Weights this close are the same to a scheduler. */
const SAME_WEIGHT = 0.02

/** The settings of one domain: what they are, and where they are not what Reeve had set. */
export interface Sight {
  readonly settings: Settings
  readonly drift: readonly Drift[]
}

/**
 * Compares what is in force with what Reeve set last. `set` is what it set on the domain's node, `weigher` the place
 * that carries its weight. A guest that has been asked and is on its way counts as being there already.
 */
export function compareSettings(
  seen: DomainObservation,
  weigher: SchedulingNode | undefined,
  set: Readonly<Partial<Record<Knob, SetKnob>>>,
  answer: DriftAnswer,
): Sight {
  let { settings } = seen
  const drift: Drift[] = []
  for (const key in set) {
    const knob = key as Knob
    const ours = set[knob] as SetKnob
    const found = knob === 'cpu.weight' && weigher !== undefined ? weigher.weight : seen.settings[knob]
    if (found === undefined || found === ours.value || found === ours.tried) continue
    if (isOnItsWay(knob, ours.underWay ?? [ours.value], found)) settings = { ...settings, [knob]: ours.value }
    else if (!isSame(knob, ours.value, found) && !isItsOwnDoing(knob, seen, found)) {
      drift.push({ domain: seen.name, knob, expected: ours.value, found, answer })
    }
  }
  return { settings, drift }
}

/** Where a guest may be once it was asked for `to`; what it was asked for before may still be under way. */
export function underWay(knob: Knob, before: SetKnob | undefined, found: Setting, to: Setting): SetKnob['underWay'] {
  if (knob !== ASKED) return null
  const isPending = before?.underWay != null && found !== before.value
  const all = [found, to, ...(isPending ? before.underWay : [])].map(Number)
  return [Math.min(...all), Math.max(...all)]
}

/**
 * True where what is found lies among what a guest had and what it was asked for.
 *
 * Worked: asked from 200 to 100 MiB, 150 is on its way; 250 is not, somebody else must have asked for that.
 */
export function isOnItsWay(knob: Knob, among: readonly Setting[], found: Setting): boolean {
  if (knob !== ASKED || typeof found !== 'number' || among.length === 0) return false
  const all = among.map(Number)
  return found >= Math.min(...all) - SAME_MEMORY && found <= Math.max(...all) + SAME_MEMORY
}

/** A guest that has done what it was asked for is on no way any more: what it has next is news. */
export function hasArrived(knob: Knob, { value, underWay: way }: SetKnob, found: Setting | undefined): boolean {
  return way !== null && found !== undefined && isOnItsWay(knob, [value], found)
}

function isSame(knob: Knob, ours: Setting, found: Setting): boolean {
  if (knob !== 'cpu.weight' || typeof ours !== 'number' || typeof found !== 'number') return false
  return Math.abs(found - ours) <= ours * SAME_WEIGHT
}

/** A guest that boots has all its memory again. */
function isItsOwnDoing(knob: Knob, { most }: DomainObservation, found: Setting): boolean {
  if (ITS_OWN.has(knob)) return true
  return knob === 'memory.balloon' && Number(found) >= (most?.[MEMORY] ?? Number.POSITIVE_INFINITY) - SAME_MEMORY
}

/** Whether a knob of the domain is left as somebody else set it. */
export function isYielded(drift: readonly Drift[], knob: Knob): boolean {
  return drift.some((its) => its.knob === knob && its.answer === 'yield')
}

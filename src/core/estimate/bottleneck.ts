import type { ResourceKey } from '#core/model/ids.ts'
import type { GoalMemory } from '#core/model/knowledge.ts'
import { CPU, type Resource } from '#core/model/resource.ts'
import { STALLED } from '#core/shortage.ts'
import { isCpuLeft } from './cpu-left.ts'
import { type Estimate, remembered, type Sight } from './estimator.ts'

/** A resource of which less than this part is used is not what a missed goal lacks. */
const USED_UP = 0.7
/** How much more than it uses a domain is tried with, and by how many grains at least: less is kept as it is. */
const MORE = 1.5
const GRAINS = 2
/** Part of what was tried and is not used that is given back in one turn while the goal is met. */
const GIVE_BACK = 0.1

/**
 * Adds to an estimate of CPU what a goal needs of the domain's other resources. A goal that is missed while the domain
 * has CPU left (`cpu-left.ts`) is tried with more of the one resource for which it stands still the most;
 * memory goes before I/O, because who lacks memory reads from disk. What was tried once is asked for until it is
 * neither used nor, for memory, known to have been too little.
 *
 * Worked: of 800 millicores 200 are used, and the domain stands still for memory a third of the time with all of its
 * 100 MiB taken. Those were not enough, so it is tried with the 120 MiB of its working set, and with no more CPU.
 */
export function beyondCpu(others: readonly Resource[], sight: Sight, memory: GoalMemory, estimate: Estimate): Estimate {
  if (others.length === 0 || sight.without.includes('bottleneck')) return estimate
  const { measured } = estimate
  const isMissed = measured !== null && measured.index > 1
  const isRepeated = sight.metric.kind === 'fresh' && sight.metric.isRepeated === true
  const scarce = isMissed && isCpuLeft(sight) ? scarcest(others, sight) : null
  const need: Record<ResourceKey, number> = {}
  const tried: Record<string, number> = {}
  for (const { key, grain } of others) {
    const before = remembered(memory, nameOf(key))
    const amount =
      key === scarce
        ? moreOf(key, grain, sight, before, isRepeated)
        : before === undefined
          ? undefined
          : keptOf(key, sight, before, isMissed || isRepeated)
    if (amount === undefined) continue
    need[key] = amount
    tried[nameOf(key)] = amount
  }
  const because =
    scarce === null
      ? estimate.because
      : ({
          kind: 'not-this-resource',
          use: sight.use[CPU] ?? 0,
          entitlement: sight.inForce[CPU] ?? 0,
          tries: { resource: scarce, stalled: sight.heldBack[scarce] ?? 0 },
        } as const)
  return { ...estimate, need: { ...estimate.need, ...need }, because, memory: { ...estimate.memory, ...tried } }
}

/** Its name in the memory of the goal, beside whatever the estimator of CPU remembers there. */
const nameOf = (key: ResourceKey): string => `tried ${key}`

/** What the domain stands still for the most, stocks first; null where there is enough of everything. */
function scarcest(others: readonly Resource[], sight: Sight): ResourceKey | null {
  let found: ResourceKey | null = null
  for (const { key } of others) {
    if (!isScarce(key, sight)) continue
    if (found === null || rankOf(key, sight) > rankOf(found, sight)) found = key
  }
  return found
}

/** Of a stock, what it stands still for is told by its working set, which is then more than what it has. */
function isScarce(key: ResourceKey, { heldBack, workingSet, use, inForce }: Sight): boolean {
  const enough = inForce[key] ?? Number.POSITIVE_INFINITY
  const its = workingSet[key]
  if ((heldBack[key] ?? 0) < STALLED) return its !== undefined && its > enough
  return its === undefined ? (use[key] ?? 0) >= USED_UP * enough : its > enough
}

const rankOf = (key: ResourceKey, { workingSet, heldBack }: Sight): number =>
  (key in workingSet ? 1 : 0) + (heldBack[key] ?? 0)

/** One reading gives reason for one step. */
function moreOf(
  key: ResourceKey,
  grain: number,
  sight: Sight,
  before: number | undefined,
  isRepeated: boolean,
): number {
  const { workingSet, use, inForce, capacity } = sight
  const tried = Math.max(use[key] ?? 0, Math.min(before ?? 0, inForce[key] ?? before ?? 0))
  const step = Math.max(before ?? 0, tried * MORE, tried + GRAINS * grain)
  const more = workingSet[key] ?? (isRepeated ? (before ?? step) : step)
  return Math.min(more, capacity[key] ?? more)
}

/** A missed goal keeps what it was tried with; one that is met gives back what it does not need, reading by reading. */
function keptOf(key: ResourceKey, { workingSet, smoothUse }: Sight, before: number, isKept: boolean): number {
  const enough = workingSet[key] ?? (smoothUse[key] ?? 0) * MORE
  if (enough >= before) return key in workingSet ? enough : before
  return isKept ? before : before + GIVE_BACK * (enough - before)
}

import { controls } from '#core/look.ts'
import type { ResourceKey } from '#core/model/ids.ts'
import type { Policy } from '#core/model/policy.ts'
import { isGlob } from '#lib/glob.ts'
import { namesOf, targetIn } from './build-goals.ts'
import { availableOf, NOISE } from './check-amounts.ts'
import { domainKnown, unknownResource } from './check-references.ts'
import { parentsOf } from './check-tree.ts'
import type { WrittenGoal } from './entry-schema.ts'
import { type Finding, infeasible, malformed, type Path, show, unknown, warning } from './finding.ts'
import { amount, convert, showAmount } from './values.ts'
import type { Written } from './written.ts'

/** Goals against everything that they name. */
export function* checkGoals(
  written: Written,
  policy: Policy,
  capacities: Partial<Record<string, number>>,
): Iterable<Finding> {
  const parents = parentsOf(written)
  const groups = new Set(policy.domains.flatMap((domain) => domain.groups))
  const names = new Set<string>()
  for (const [index, goal] of written.goals.entries()) {
    if (goal === null) continue
    const path: Path = ['goals', index]
    if (goal.name !== undefined) {
      if (names.has(goal.name)) yield malformed([...path, 'name'], `a goal ${show(goal.name)} stands above already`)
      names.add(goal.name)
    }
    if (goal.domain !== undefined) yield* scopeDomain(goal.domain, [...path, 'domain'], parents, written)
    // Groups of a domain that could not be read are not known.
    const allRead = [...written.domains.values()].every((domain) => domain !== null)
    if (goal.group !== undefined && !groups.has(goal.group) && allRead) {
      yield unknown('infeasible', [...path, 'group'], 'group', goal.group, groups)
    }
    if (goal.when !== undefined && !written.windows.has(goal.when)) {
      yield unknown('infeasible', [...path, 'when'], 'window', goal.when, written.windows.keys())
    }
    if (goal.whileRunning !== undefined) {
      yield* domainKnown([...path, 'whileRunning'], goal.whileRunning, written)
    }
    yield* aim(goal, path, written)
    yield* reach(goal, path, policy)
    yield* boundless(goal, path, policy)
    yield* beyondCapacity(goal, path, policy, capacities)
    yield* counted(goal, path, policy)
  }
  yield* contradictions(written, policy)
}

function* scopeDomain(name: string, path: Path, parents: ReadonlySet<string>, written: Written): Iterable<Finding> {
  if (isGlob(name) && !written.domains.has(name)) {
    const globs = [...written.domains.keys()].filter(isGlob)
    const finding = unknown('infeasible', path, 'domain', name, globs)
    yield {
      ...finding,
      hint: globs.length > 0 ? finding.hint! : 'a goal may name a glob that has an entry under `domains`, or a group',
    }
  } else if (parents.has(name)) {
    const hint = 'a goal is for domains without children; name those, or put them into a group'
    yield infeasible(path, `${show(name)} is a parent and has no goals of its own`, hint)
  } else yield* domainKnown(path, name, written)
}

function* aim(goal: WrittenGoal, path: Path, written: Written): Iterable<Finding> {
  if (goal.kind === 'utilization') {
    if (goal.resource !== undefined && !written.units.has(goal.resource)) {
      yield unknownResource([...path, 'resource'], goal.resource, written)
    }
    return
  }
  if (goal.kind === 'fixed') return
  const metric = written.metrics.get(goal.metric)
  if (metric === undefined)
    yield unknown('infeasible', [...path, 'metric'], 'metric', goal.metric, written.metrics.keys())
  if (!metric) return
  if (goal.kind === 'throughput' && metric.source === 'counter' && metric.perCpuSecond === true) {
    const message = `${show(goal.metric)} is counted per second of CPU time, which is no throughput: more CPU does not raise it`
    yield infeasible([...path, 'metric'], message, 'name a metric of what is done per second')
  }
  if (goal.kind === 'throughput' && convert(1, 'ms', metric.unit) !== null) {
    const message = `${show(goal.metric)} is in ${show(metric.unit)}, a time, and a throughput goal is about work per second`
    yield warning([...path, 'metric'], message, 'for a time say `kind: performance` with `below`')
  }
  if (goal.kind !== 'performance') return
  for (const side of ['below', 'above'] as const) {
    const target = goal[side]
    if (target === undefined || targetIn(metric.unit, target) !== null) continue
    const message = `${show(target)} does not convert to ${show(metric.unit)}, the unit of ${show(goal.metric)}`
    yield infeasible([...path, side], message, 'write a number in that unit')
  }
}

/** Two goals that are for the same domain, of which one wants a metric above what the other wants it below. */
function* contradictions({ goals, metrics }: Written, { domains }: Policy): Iterable<Finding> {
  for (const [index, goal] of goals.entries()) {
    const atLeast = goal === null ? null : leastOf(goal)
    if (goal === null || atLeast === null) continue
    for (const other of goals) {
      if (other?.kind !== 'performance' || other.below === undefined || other.metric !== atLeast.metric) continue
      if (!domains.some(({ name, groups }) => namesOf(goal, name, groups) && namesOf(other, name, groups))) continue
      const unit = metrics.get(other.metric)?.unit ?? ''
      const [least, most] = [targetIn(unit, atLeast.target), targetIn(unit, other.below)]
      if (least === null || most === null || least <= most) continue
      const message = `the goal cannot be met together with another: ${show(other.metric)} is to be at least ${show(atLeast.target)}`
      yield warning(['goals', index, atLeast.key], message, `and at most ${show(other.below)} by that`)
    }
  }
}

/** The metric of which a goal wants so much or more, and where it says so; null where it wants no such thing. */
function leastOf(goal: WrittenGoal): { metric: string; target: number | string; key: 'above' | 'atLeast' } | null {
  if (goal.kind === 'throughput') return { metric: goal.metric, target: goal.atLeast, key: 'atLeast' }
  if (goal.kind !== 'performance' || goal.above === undefined) return null
  return { metric: goal.metric, target: goal.above, key: 'above' }
}

/** Goals that have no effect on their domain, or more in mind than its limit. A wish may be too high: these warn. */
function* reach(goal: WrittenGoal, path: Path, policy: Policy): Iterable<Finding> {
  for (const domain of policy.domains) {
    if (goal.domain === undefined || !namesOf(goal, domain.name, domain.groups)) continue
    if (domain.role !== 'managed') {
      yield warning([...path, 'domain'], `the goal has no effect: the role of ${show(domain.name)} is ${domain.role}`)
    }
    for (const [key, asked, at] of amountsOf(goal)) {
      if (!controls(domain, key)) {
        yield warning([...path, ...at], `the goal has no effect: ${show(domain.name)} does not control ${show(key)}`)
      }
      const unit = policy.resources.find((resource) => resource.key === key)?.unit
      const limit = domain.shares[key]?.limit ?? null
      if (unit === undefined || asked === null || limit === null || amount(asked, unit) <= limit) continue
      const message = `the goal cannot be met: it asks for ${showAmount(amount(asked, unit), unit)}`
      const hint = `and the limit of ${show(domain.name)} is ${showAmount(limit, unit)}`
      yield warning([...path, ...at], message, hint)
    }
  }
}

/** What a goal may ask for at most, where its domain may not have more than that anyway. */
function* boundless(goal: WrittenGoal, path: Path, { domains, resources }: Policy): Iterable<Finding> {
  if (goal.kind === 'fixed' || goal.domain === undefined) return
  for (const [key, most] of Object.entries(goal.upTo ?? {})) {
    const unit = resources.find((resource) => resource.key === key)?.unit
    if (unit === undefined) continue
    for (const { name, groups, shares } of domains) {
      const limit = shares[key as ResourceKey]?.limit ?? null
      if (limit === null || amount(most, unit) < limit || !namesOf(goal, name, groups)) continue
      const message = `\`upTo\` has no effect: it lets the goal ask for ${showAmount(amount(most, unit), unit)}`
      const hint = `and the limit of ${show(name)} is ${showAmount(limit, unit)}`
      yield warning([...path, 'upTo', key], message, hint)
    }
  }
}

/** Goals that ask for more than all domains together may have. */
function* beyondCapacity(
  goal: WrittenGoal,
  path: Path,
  policy: Policy,
  capacities: Partial<Record<string, number>>,
): Iterable<Finding> {
  for (const [key, asked, at] of amountsOf(goal)) {
    const resource = policy.resources.find((its) => its.key === key)
    const available = resource === undefined ? null : availableOf(resource, policy, capacities)
    if (resource === undefined || asked === null || available === null) continue
    if (amount(asked, resource.unit) <= available.amount + NOISE) continue
    const message = `the goal cannot be met: it asks for ${showAmount(amount(asked, resource.unit), resource.unit)}`
    yield warning([...path, ...at], message, `and the capacity is ${available.text}`)
  }
}

/** Goals about what is not counted where their domain is. */
function* counted(goal: WrittenGoal, path: Path, { domains, metrics }: Policy): Iterable<Finding> {
  if (!('metric' in goal) || goal.domain === undefined) return
  const source = metrics.find(({ name }) => name === goal.metric)?.source
  if (source?.kind !== 'counter' || !source.counter.endsWith('Ops')) return
  for (const domain of domains) {
    if (domain.driver !== 'cgroup' || !namesOf(goal, domain.name, domain.groups)) continue
    const message = `${show(source.counter)} is never read of ${show(domain.name)}, which is a control group`
    yield warning([...path, 'metric'], message, 'operations are counted of the disks of machines only')
  }
}

/** The resources that a goal names, how much of each it asks for, and where it says so. */
function amountsOf(goal: WrittenGoal): [key: ResourceKey, asked: number | string | null, at: Path][] {
  if (goal.kind === 'utilization') {
    return [[(goal.resource ?? 'cpu') as ResourceKey, null, goal.resource === undefined ? [] : ['resource']]]
  }
  if (goal.kind !== 'fixed') return []
  return Object.entries(goal.amounts).map(([key, asked]) => [key as ResourceKey, asked, ['amounts', key]])
}

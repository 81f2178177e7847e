import { controls } from '#core/look.ts'
import type { ResourceKey } from '#core/model/ids.ts'
import type { DomainPolicy, Policy, Share } from '#core/model/policy.ts'
import { family, type Resource } from '#core/model/resource.ts'
import { isGlob } from '#lib/glob.ts'
import { isWhole } from './check-form.ts'
import { type Finding, infeasible, type Path, show, warning } from './finding.ts'
import { showAmount } from './values.ts'
import type { Written } from './written.ts'

/** Amounts against each other, against those of children and parents, and against what there is. */
export function* checkAmounts(
  written: Written,
  policy: Policy,
  capacities: Partial<Record<string, number>>,
): Iterable<Finding> {
  for (const domain of policy.domains) {
    for (const [key, share] of written.domains.get(domain.name)?.shares ?? []) {
      const path = ['domains', domain.name, key]
      yield* uselessShare(path, domain, key, share)
    }
    for (const resource of policy.resources) {
      const share = domain.shares[resource.key]
      const path = ['domains', domain.name, resource.key]
      if (share !== undefined) yield* checkShare(path, share, resource, domain, policy)
    }
  }
  for (const resource of policy.resources) {
    yield* unknownCapacity(resource, written)
    const available = availableOf(resource, policy, capacities)
    yield* checkSums(resource, available, policy)
  }
}

/** Hosts tell how much CPU and memory they have; of the rest nobody can divide what nobody has stated. */
function* unknownCapacity({ key, capacity }: Resource, written: Written): Iterable<Finding> {
  const isTold = family(key) === 'cpu' || family(key) === 'memory'
  if (capacity !== 'observed' || isTold) return
  const hint = `state it: \`resources: { ${key}: { capacity: 100MiB } }\``
  yield infeasible(firstNaming(key, written), `the host cannot tell the capacity of ${show(key)}`, hint)
}

/** Where the policy speaks of a resource first. */
function firstNaming(key: ResourceKey, { domains, goals }: Written): Path {
  for (const [name, domain] of domains) {
    if (domain?.shares.has(key)) return ['domains', name, key]
    if (domain?.controls?.includes(key)) return ['domains', name, 'controls']
  }
  const index = goals.findIndex(
    (goal) =>
      (goal?.kind === 'fixed' && key in goal.amounts) || (goal?.kind === 'utilization' && goal.resource === key),
  )
  return ['goals', index]
}

function* uselessShare(path: Path, domain: DomainPolicy, key: string, share: object): Iterable<Finding> {
  if (domain.role !== 'managed') {
    yield warning(path, `the amounts have no effect: the role of ${show(domain.name)} is ${domain.role}`)
  } else if (!controls(domain, key as ResourceKey)) {
    const hint = `add ${show(key)} to its \`controls\` or leave those out`
    yield warning(path, `the amounts have no effect: ${show(domain.name)} does not control ${show(key)}`, hint)
  }
  for (const property of ['lend', 'borrow'] as const) {
    if (property in share && !('own' in share)) {
      yield warning([...path, property], `\`${property}\` has no effect without \`own\``)
    }
  }
}

function* checkShare(
  path: Path,
  { reservation, own, limit }: Share,
  resource: Resource,
  domain: DomainPolicy,
  policy: Policy,
): Iterable<Finding> {
  const say = (amount: number) => showAmount(amount, resource.unit)
  if (reservation !== null && own !== null && reservation > own) {
    yield infeasible(
      [...path, 'reservation'],
      `the reservation, ${say(reservation)}, is above what it owns, ${say(own)}`,
    )
  }
  if (own !== null && limit !== null && own > limit) {
    yield infeasible([...path, 'own'], `it owns ${say(own)}, more than its limit, ${say(limit)}`)
  } else if (reservation !== null && limit !== null && reservation > limit) {
    yield infeasible(
      [...path, 'reservation'],
      `the reservation, ${say(reservation)}, is above the limit, ${say(limit)}`,
    )
  }
  const isParent = policy.domains.some((other) => other.parent === domain.name)
  const minimum = policy.host.minimum[resource.key] ?? 0
  if (limit !== null && reservation === null && !isParent && limit < minimum) {
    const message = `the limit, ${say(limit)}, is below the minimum that every domain starts from, ${say(minimum)}`
    yield infeasible([...path, 'limit'], message, 'raise it, or give the domain a lower `reservation`')
  }
  const { pin } = domain.placement
  if (resource.key === 'cpu' && pin !== null && reservation !== null && reservation > 1000 * pin.length) {
    const message = `the reservation, ${say(reservation)}, is more than the ${pin.length} that it is pinned to`
    yield infeasible([...path, 'reservation'], message)
  }
  if (resource.unit !== 'count') return
  for (const [property, amount] of Object.entries({ reservation, own, limit })) {
    if (amount === null || isWhole(amount / resource.grain)) continue
    const message = `${amount} is not a whole number of grains of ${resource.grain}`
    yield infeasible([...path, property], message, `${show(resource.key)} is given in whole grains`)
  }
}

/** Sums of fractions are compared up to this: 5% of 3 CPUs is not exactly 150. */
export const NOISE = 1e-6

interface Available {
  readonly amount: number
  readonly text: string
}

/** Capacity less headroom, or null where the capacity is not known here. */
export function availableOf(
  { key, unit, capacity }: Resource,
  { host }: Policy,
  capacities: Partial<Record<string, number>>,
): Available | null {
  const total = capacity === 'observed' ? capacities[key] : capacity
  if (total === undefined) return null
  const headroom = host.headroom[key] ?? { amount: 0 }
  const withheld = 'amount' in headroom ? headroom.amount : headroom.fraction * total
  const less = withheld > 0 ? ` less a headroom of ${showAmount(withheld, unit)}` : ''
  return { amount: total - withheld, text: `${showAmount(total, unit)}${less}` }
}

/** What domains start from must fit: into the limits of their parents, and into the capacity. */
function* checkSums(resource: Resource, available: Available | null, policy: Policy): Iterable<Finding> {
  const { key, unit } = resource
  const say = (amount: number) => showAmount(amount, unit)
  const taking = policy.domains.filter((domain) => domain.role === 'managed')
  const start = startsOf(key, taking, policy.host.minimum[key] ?? 0)
  for (const parent of taking) {
    const { limit = null, reservation = null } = parent.shares[key] ?? {}
    const children = taking.filter((domain) => domain.parent === parent.name)
    const sum = children.reduce((total, child) => total + start(child), 0)
    if (limit === null || sum <= limit + NOISE || (reservation ?? 0) > limit) continue
    const message = `the children of ${show(parent.name)} start from ${say(sum)} together, more than its limit, ${say(limit)}`
    yield infeasible(['domains', parent.name, key, 'limit'], message, 'lower their reservations or raise the limit')
  }
  if (available === null) return
  let sum = 0
  let reported = false
  for (const domain of taking) {
    const { reservation = null } = domain.shares[key] ?? {}
    const path = ['domains', domain.name, key, 'reservation']
    if (reservation !== null && reservation > available.amount + NOISE) {
      reported = true
      yield infeasible(path, `the reservation, ${say(reservation)}, is above the capacity, ${available.text}`)
    }
    const before = sum
    if (domain.parent === null) sum += start(domain)
    // One fault for the sum, at the domain with which it no longer fits.
    if (reported || before > available.amount + NOISE || sum <= available.amount + NOISE) continue
    reported = true
    const total = taking.reduce((all, other) => all + (other.parent === null ? start(other) : 0), 0)
    const message = `the domains start from ${say(total)} of ${show(key)} together`
    yield infeasible(path, message, `and the capacity is ${available.text}; lower reservations or the minimum`)
  }
}

/** SEMANTICS of the tree: a parent starts from its own reservation or its children's sum, whichever is more. */
function startsOf(
  key: ResourceKey,
  domains: readonly DomainPolicy[],
  minimum: number,
): (domain: DomainPolicy) => number {
  const known = new Map<string, number>()
  // Children stand after their parents, so that backwards each child is known before its parent.
  for (const domain of domains.toReversed()) {
    const children = domains.filter((other) => other.parent === domain.name)
    const reservation = domain.shares[key]?.reservation ?? null
    const inside = children.reduce((sum, child) => sum + (known.get(child.name) ?? 0), 0)
    // How many domains a glob stands for is not known before they run.
    const takesPart = domain.shares[key] !== undefined && children.length === 0
    const own = reservation ?? (takesPart ? minimum : 0)
    known.set(domain.name, isGlob(domain.name) ? 0 : Math.max(own, inside))
  }
  return (domain) => known.get(domain.name) ?? 0
}

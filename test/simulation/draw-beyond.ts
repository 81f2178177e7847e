import { SILENCEABLE } from '#core/model/policy.ts'
import type { Chance } from './chance.ts'
import type { DrawnHost } from './draw-host.ts'
import type { Written } from './draw-policy.ts'

/**
 * What a policy says beyond CPU, memory and pushed metrics: of disks, of what is counted for domains themselves, and of how
 * much a goal may ask for at most. It draws from a stream of its own, so that the rest of a policy stays as it was.
 */

/** Counted for every domain that answers requests; nobody counts any for a batch. */
const COUNTED: Readonly<Record<string, Written>> = {
  'packets-in': { source: 'counter', counter: 'net.rxPackets', unit: 'packets/s' },
  'packets-out': { source: 'counter', counter: 'net.txPackets', unit: 'packets/s', staleAfter: '5s' },
  'packets-by-cpu': { source: 'counter', counter: 'net.txPackets', perCpuSecond: true, unit: 'packets/s' },
}

/** More than there are on any host. */
const MOST_DOMAINS = 8

export interface Beyond {
  readonly resources: Record<string, Written>
  readonly host: Written
  readonly metrics: Record<string, Written>
  readonly goals: readonly Written[]
}

/** What was drawn already. */
interface Drawn {
  readonly domains: Readonly<Record<string, Written>>
  readonly named: readonly string[]
  readonly goals: readonly Written[]
}

/** `domains` are given what they may read from disk. */
export function drawBeyond(
  chance: Chance,
  { domains: simulated }: DrawnHost,
  { domains, named, goals }: Drawn,
): Beyond {
  const readers = simulated.flatMap(({ name, load }) =>
    'diskBytes' in load && chance.happens(0.7) && domains[name] !== undefined ? [name] : [],
  )
  const capacity = chance.between(8, 100)
  for (const name of readers) {
    Object.assign(domains[name] as Written, { 'io.read': drawReading(chance, capacity) })
    if (chance.happens(0.5)) Object.assign(domains[name] as Written, { enforcement: 'cap' })
  }
  const more = [
    ...readers.filter(() => chance.happens(0.4)).map((domain) => drawDiskGoal(chance, domain)),
    ...named.filter(() => chance.happens(0.25)).map((domain) => drawCountedGoal(chance, domain)),
  ]
  return {
    resources: { 'io.read': { capacity: `${capacity}MiB` } },
    host: chance.happens(0.15) ? { without: [chance.choose(SILENCEABLE)] } : {},
    metrics: COUNTED,
    goals: [...goals, ...more].map((goal) => bounded(chance, goal)),
  }
}

/** reservation <= limit. What all start from fits, as the policy states how much there is. */
function drawReading(chance: Chance, capacity: number): Written {
  const reservation = chance.happens(0.4) ? chance.between(1, Math.floor(capacity / MOST_DOMAINS)) : null
  const limit = chance.happens(0.4) ? (reservation ?? 1) + chance.between(0, capacity) : null
  return {
    ...(reservation !== null && { reservation: `${reservation}MiB` }),
    ...(limit !== null && { limit: `${limit}MiB` }),
    ...(chance.happens(0.3) && { weight: chance.choose([0.5, 2]) }),
  }
}

const priorityOf = (chance: Chance) => ({ priority: chance.choose([1, 1, 2, 3]) })

function drawDiskGoal(chance: Chance, domain: string): Written {
  return chance.happens(0.6)
    ? { domain, kind: 'utilization', resource: 'io.read', target: `${chance.between(40, 100)}%`, ...priorityOf(chance) }
    : { domain, kind: 'fixed', amounts: { 'io.read': `${chance.between(1, 40)}MiB` }, ...priorityOf(chance) }
}

function drawCountedGoal(chance: Chance, domain: string): Written {
  const scope = chance.happens(0.15) ? { all: true } : { domain }
  switch (chance.between(0, 3)) {
    case 0:
    case 1:
      return {
        ...scope,
        kind: 'throughput',
        metric: 'packets-in',
        atLeast: chance.between(1, 400),
        ...priorityOf(chance),
      }
    case 2:
      return {
        ...scope,
        kind: 'throughput',
        metric: 'packets-out',
        atLeast: chance.between(1, 200),
        ...priorityOf(chance),
      }
    default: {
      const side = { [chance.choose(['above', 'below'])]: chance.between(1, 400) }
      return { ...scope, kind: 'performance', metric: 'packets-by-cpu', ...side, ...priorityOf(chance) }
    }
  }
}

function bounded(chance: Chance, goal: Written): Written {
  if (goal['kind'] === 'fixed' || !chance.happens(0.25)) return goal
  const upTo = {
    ...(chance.happens(0.8) && { cpu: `${chance.between(1, 120) * 10}m` }),
    ...(chance.happens(0.4) && { memory: `${chance.between(16, 600)}MiB` }),
    ...(chance.happens(0.4) && { 'io.read': `${chance.between(1, 40)}MiB` }),
  }
  return { ...goal, upTo }
}

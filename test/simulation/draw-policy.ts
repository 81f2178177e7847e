import type { Chance } from './chance.ts'
import { drawBeyond } from './draw-beyond.ts'
import type { DrawnHost } from './draw-host.ts'

/** A policy before it is text: keys as the policy file has them. */
export type Written = Record<string, unknown>

/** Streams of a policy, and the goals that it is to have in any case, where it names their domains. */
export interface PolicyChances {
  readonly chance: Chance
  readonly beyond: Chance
  readonly wanted: readonly Written[]
}

const QUIET = 'quiet'
const LATE = 'late'
export const EVENT = 'sale'
const MIB = 2 ** 20

/**
 * A policy for a host, as text: every key that is worth something on a simulated host has its chance. JSON is YAML, too.
 * Reservations may be more than the host has, which a policy cannot know; whatever contradicts itself is not drawn.
 */
export function drawPolicy({ chance, beyond, wanted }: PolicyChances, host: DrawnHost): string {
  const names = host.domains.map(({ name }) => name).filter(() => chance.happens(0.9))
  const named = names.length > 0 ? names : ['d0']
  const counts = chance.happens(0.3)
  const parents = ['p0', 'p1'].filter(() => chance.happens(0.3))
  const domains: Record<string, Written> = {}
  for (const name of parents) domains[name] = { driver: 'simulator', ...drawParent(chance, host) }
  for (const name of named) domains[name] = drawDomain(chance, host, { parents, counts })
  for (const name of parents) {
    // A parent of nobody is a domain of its own, which nobody simulates.
    const children = Object.values(domains).filter(({ parent }) => parent === name)
    if (children.length === 0) delete domains[name]
    else makeRoom(domains[name] as Written, children)
  }
  place(chance, domains, named)
  const windows = {
    [QUIET]: { cron: `${chance.between(0, 3)} * * * *`, zone: 'UTC' },
    [LATE]: { cron: `${chance.between(0, 3)}-59 * * * *`, zone: 'Europe/Berlin' },
  }
  const { metrics, goals } = drawGoals(chance, host, domains, named, counts)
  for (const name of named) if (chance.happens(0.3)) (domains[name] as Written)['affinity'] = { activity: {} }
  const rules = drawRules(chance, named)
  const all = [...goals, ...wanted.filter(({ domain }) => named.includes(domain as string))]
  const more = drawBeyond(beyond, host, { domains, named, goals: all })
  return JSON.stringify({
    apiVersion: 'reeve/v1',
    host: { ...rules, ...more.host },
    windows,
    resources: {
      licences: { capacity: Math.max(8, startsOf('licences', Object.values(domains))), grain: 2 },
      ...more.resources,
    },
    metrics: { ...metrics, ...more.metrics },
    domains,
    goals: more.goals,
  })
}

/** What domains start from together of what is counted. */
function startsOf(resource: string, domains: readonly Written[]): number {
  return domains.reduce((sum, its) => sum + Number((its[resource] as Written | undefined)?.['reservation'] ?? 0), 0)
}

function drawRules(chance: Chance, named: readonly string[]): Written {
  const byName = () => ({ default: chance.some(named, 0.5).concat(named.slice(0, 1)).slice(0, 2) })
  const maybe = (part: number, key: string, draw: () => unknown) => (chance.happens(part) ? { [key]: draw() } : {})
  return {
    mode: chance.choose(['manage', 'manage', 'manage', 'manage', 'manage', 'manage', 'manage', 'advise']),
    interval: chance.choose(['1s', '1s', '2s', '3s']),
    ...maybe(0.6, 'fairness', () => chance.choose(['max-min', 'satisfy-most', 'proportional'])),
    ...maybe(0.6, 'surplus', () => chance.choose(['hold', 'spread', 'equal', byName()])),
    ...maybe(0.4, 'remainder', () => chance.choose(['share', 'hold', byName()])),
    ...maybe(0.5, 'headroom', () => ({ cpu: chance.choose(['0%', '5%', '20%', '137m']), memory: '64MiB' })),
    ...maybe(0.3, 'minimum', () => ({ cpu: chance.choose(['10m', '50m', '33m']) })),
    ...maybe(0.3, 'thresholds', () => ({
      cpu: [
        { difference: '30%', samples: 1 },
        { difference: '5%', lasts: '5s' },
      ],
    })),
    ...maybe(0.7, 'cooldown', () => chance.choose(['0s', '3s', '10s', '30s'])),
    ...maybe(0.2, 'maximumStep', () => ({ cpu: chance.choose(['5%', '25%']) })),
    ...maybe(0.2, 'minimumChange', () => ({ cpu: '50m' })),
    ...maybe(0.5, 'drift', () => chance.choose(['yield', 'reassert'])),
    ...maybe(0.25, 'quiet', () => [QUIET]),
  }
}

function drawParent(chance: Chance, { cpus }: DrawnHost): Written {
  const reservation = chance.happens(0.4) ? chance.between(1, 30) * 10 : null
  const limit = chance.happens(0.3) ? 3000 + chance.between(0, cpus * 100) * 10 : null
  return chance.happens(0.7) ? { cpu: share({ reservation, limit, weight: drawWeight(chance) }) } : {}
}

/** What children start from together fits within their parent's limit. */
function makeRoom(parent: Written, children: readonly Written[]): void {
  const cpu = parent['cpu'] as Record<string, string> | undefined
  if (cpu?.['limit'] === undefined) return
  const milli = (text: string | undefined) => Number.parseInt(text ?? '50m', 10)
  const starts = children.map((its) => milli((its['cpu'] as Record<string, string> | undefined)?.['reservation']))
  cpu['limit'] = `${Math.max(
    milli(cpu['limit']),
    starts.reduce((sum, start) => sum + start, 0),
  )}m`
}

function drawDomain(
  chance: Chance,
  host: DrawnHost,
  { parents, counts }: { readonly parents: readonly string[]; readonly counts: boolean },
): Written {
  const isParted = parents.length > 0 && chance.happens(0.6)
  const role = chance.choose(['managed', 'managed', 'managed', 'managed', 'managed', 'managed', 'fixed', 'ignored'])
  const mode = chance.choose([null, null, null, null, null, 'manage', 'observe', 'advise'])
  return {
    driver: 'simulator',
    ...(isParted && { parent: chance.choose(parents) }),
    ...(role !== 'managed' && { role }),
    ...(mode !== null && { mode }),
    ...(chance.happens(0.4) && { enforcement: 'cap' }),
    ...(chance.happens(0.3) && { groups: ['web'] }),
    ...(chance.happens(0.2) && { drift: chance.choose(['yield', 'reassert']) }),
    ...(chance.happens(0.1) && { scheduling: { class: 'batch' } }),
    ...(chance.happens(0.15) && { pauseBelow: `${chance.between(5, 40) * 10}m` }),
    ...(chance.happens(0.7) && { cpu: drawCpu(chance, host) }),
    ...(chance.happens(0.4) && { memory: drawMemory(chance, host) }),
    ...(counts && chance.happens(0.5) && { licences: { reservation: 2 * chance.between(0, 1), limit: 4 } }),
  }
}

/** Always reservation <= own <= limit, and no limit below the minimum. */
function drawCpu(chance: Chance, { cpus }: DrawnHost): Written {
  const reservation = chance.happens(0.5) ? chance.between(0, cpus * 30) * 10 : null
  const own = chance.happens(0.25) ? (reservation ?? 50) + chance.between(0, 50) * 10 : null
  const limit = chance.happens(0.35) ? Math.max(50, own ?? reservation ?? 0) + chance.between(0, 100) * 10 : null
  const terms = own === null ? {} : { lend: chance.happens(0.6), borrow: chance.happens(0.6) }
  return { ...share({ reservation, own, limit, weight: drawWeight(chance) }), ...terms }
}

function drawMemory(chance: Chance, { memory, domains }: DrawnHost): Written {
  const part = Math.floor(memory / MIB / domains.length)
  const reservation = chance.happens(0.6) ? chance.between(16, part) : null
  const limit = chance.happens(0.4) ? (reservation ?? 16) + chance.between(0, part) : null
  return {
    ...(reservation !== null && { reservation: `${reservation}MiB` }),
    ...(limit !== null && { limit: `${limit}MiB` }),
  }
}

const drawWeight = (chance: Chance): number | null => (chance.happens(0.4) ? chance.choose([0.5, 1, 2, 10]) : null)

function share(amounts: Readonly<Record<string, number | null>>): Written {
  return Object.fromEntries(
    Object.entries(amounts)
      .filter(([, amount]) => amount !== null)
      .map(([key, amount]) => [key, key === 'weight' ? amount : `${amount}m`]),
  )
}

/** At most one of them is pinned and two are apart or near, so that no two rules contradict each other. */
function place(chance: Chance, domains: Record<string, Written>, named: readonly string[]): void {
  const [one, other] = [chance.choose(named), chance.choose(named)]
  const its = domains[one] as Written
  if (one !== other && chance.happens(0.3)) its[chance.choose(['near', 'apart'])] = [other]
  else if (chance.happens(0.2) && its['cpu'] === undefined) its['pin'] = '0'
}

function drawGoals(
  chance: Chance,
  { domains: simulated }: DrawnHost,
  domains: Readonly<Record<string, Written>>,
  named: readonly string[],
  counts: boolean,
) {
  const metrics: Record<string, Written> = {}
  const goals: Written[] = []
  const hasGroup = Object.values(domains).some(({ groups }) => groups !== undefined)
  for (let index = chance.between(0, 6); index > 0; index--) {
    const domain = chance.choose(named)
    const isBatch = simulated.find(({ name }) => name === domain)?.load.kind === 'batch'
    const scope = chance.choose([
      { domain },
      { domain },
      { domain },
      hasGroup ? { group: 'web' } : { domain },
      { all: true },
    ])
    const aim = drawAim(chance, domain, isBatch, counts)
    if (aim['metric'] !== undefined) {
      const unit = aim['kind'] === 'throughput' ? 'requests/s' : 'ms'
      metrics[aim['metric'] as string] = { source: 'push', unit, staleAfter: chance.choose(['3s', '5s', '8s']) }
    }
    goals.push({
      ...(aim['metric'] === undefined ? scope : { domain }),
      ...aim,
      priority: chance.choose([1, 1, 2, 3, 10]),
      ...(chance.happens(0.2) && { application: 'other' }),
      ...(chance.happens(0.1) && { when: LATE }),
      ...(chance.happens(0.1) && { whileRunning: chance.choose(named) }),
      ...(chance.happens(0.1) && { onEvent: EVENT }),
    })
  }
  return { metrics, goals }
}

/** Metrics are of a domain's own: `d0-p95` in milliseconds, `d0-rate` in answers per second. */
function drawAim(chance: Chance, domain: string, isBatch: boolean, counts: boolean): Written {
  const kinds = isBatch
    ? ['utilization', 'fixed']
    : ['utilization', 'fixed', 'performance', 'performance', 'throughput']
  switch (chance.choose(kinds)) {
    case 'utilization':
      return {
        kind: 'utilization',
        resource: chance.choose(['cpu', 'cpu', 'memory']),
        target: `${chance.between(30, 100)}%`,
      }
    case 'fixed': {
      const amounts = { cpu: `${chance.between(0, 150) * 10}m`, ...(counts && { licences: 2 * chance.between(0, 3) }) }
      return { kind: 'fixed', amounts }
    }
    case 'performance':
      return { kind: 'performance', metric: `${domain}-p95`, below: chance.between(50, 1500) }
    default:
      return { kind: 'throughput', metric: `${domain}-rate`, atLeast: chance.between(1, 12) }
  }
}

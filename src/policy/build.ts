import { BY_ACTIVITY } from '#core/activity.ts'
import { AFFINITY_BY_ACTIVITY } from '#core/affinity.ts'
import type { DomainName, ResourceKey } from '#core/model/ids.ts'
import type {
  DomainPolicy,
  Match,
  MetadataPolicy,
  Policy,
  SchedulingPolicy,
  Share,
  WindowPolicy,
} from '#core/model/policy.ts'
import { countable, knownResource, type Resource } from '#core/model/resource.ts'
import { buildGoals, namesOf } from './build-goals.ts'
import { buildHost } from './build-host.ts'
import { buildMetric, commandOf } from './build-metrics.ts'
import type { WrittenDomain, WrittenShare } from './entry-schema.ts'
import { amount, cpuList, milliseconds } from './values.ts'
import type { Entries, Written } from './written.ts'

/** Entries that could be read, in the policy's order. */
export function readable<Value>(entries: Entries<Value>): [name: string, value: Value][] {
  return [...entries].filter((entry): entry is [string, Value] => entry[1] !== null)
}

/**
 * The model's policy: values converted, defaults filled in. Made also of policies with faults, from what of them can
 * be read, because the checks compare amounts; such a policy goes nowhere else.
 */
export function buildPolicy(written: Written): Policy {
  const domains = buildDomains(written)
  const resources = buildResources(written, domains)
  const host = buildHost(written.host, resources)
  const windows: WindowPolicy[] = readable(written.windows).map(([name, window]) => ({
    name,
    patterns: typeof window.cron === 'string' ? [window.cron] : window.cron,
    zone: window.zone,
  }))
  return {
    apiVersion: 'reeve/v1',
    host,
    resources,
    domains,
    goals: buildGoals(written),
    metrics: readable(written.metrics).map(([name, metric]) =>
      buildMetric(name, metric, host.intervalMs, written.host.statsd),
    ),
    windows,
  }
}

/** CPU first, whether anybody controls it or not, then the host's others, then what the policy declares. */
function buildResources(written: Written, domains: readonly DomainPolicy[]): Resource[] {
  const controlled = new Set<string>(domains.flatMap((domain) => (domain.role === 'ignored' ? [] : domain.controls)))
  const keys = [...written.units.keys()].filter((key) => key === 'cpu' || controlled.has(key))
  return keys.map((key) => {
    const declared = written.resources.get(key) ?? {}
    const unit = written.units.get(key)!
    const base = knownResource(key) ?? countable(key, 0)
    return {
      ...base,
      ...(declared.capacity === undefined ? {} : { capacity: amount(declared.capacity, unit) }),
      ...(declared.grain === undefined ? {} : { grain: amount(declared.grain, unit) }),
    }
  })
}

function buildDomains(written: Written): DomainPolicy[] {
  const entries = readable(written.domains)
  const parents = new Set(entries.map(([, domain]) => domain.parent))
  const depth = (name: string): number => {
    let levels = 0
    let parent = written.domains.get(name)?.parent
    // The bound ends walks round a circle, which is reported elsewhere.
    while (parent !== undefined && levels < entries.length) {
      levels++
      parent = written.domains.get(parent)?.parent
    }
    return levels
  }
  const domains = entries.map(([name, domain]): DomainPolicy => {
    const controls = controlsOf(name, domain, [...domain.shares.keys()], written)
    return {
      name,
      driver: domain.driver ?? 'cgroup',
      match: matchOf(domain, parents.has(name)),
      parent: (domain.parent ?? null) as DomainName | null,
      groups: domain.groups ?? [],
      mode: domain.mode ?? null,
      role: domain.role ?? 'managed',
      controls: controls as ResourceKey[],
      enforcement: domain.enforcement ?? 'guarantee',
      shares: buildShares(controls, domain.shares, written),
      placement: {
        pin: domain.pin === undefined ? null : cpuList(domain.pin),
        near: (domain.near ?? []) as DomainName[],
        apart: (domain.apart ?? []) as DomainName[],
      },
      metadata: metadataOf(domain.metadata),
      pauseBelow: domain.pauseBelow === undefined ? null : amount(domain.pauseBelow, 'millicores'),
      vcpus: domain.vcpus === undefined ? null : vcpuRange(domain.vcpus),
      drift: domain.drift ?? null,
      scheduling: schedulingOf(domain.scheduling),
      byActivity: byActivityOf(domain.scheduling?.activity),
      affinity: affinityOf(domain.affinity),
    }
  })
  // By depth and otherwise as written: parents stand before their children and siblings keep their order.
  return domains.sort((a, b) => depth(a.name) - depth(b.name))
}

function metadataOf(written: WrittenDomain['metadata']): MetadataPolicy | null {
  if (written === undefined) return null
  const { groups = [], ignore = false, pin = false, limit = false } = written
  return { groups, ignore, pin, limit }
}

/** `2` is from one to two, `2-4` is what it says. */
function vcpuRange(written: number | string): { least: number; most: number } {
  const [least, most] = `${written}`.split('-').map(Number) as [number, number?]
  return most === undefined ? { least: 1, most: least } : { least, most }
}

function matchOf(domain: WrittenDomain, isParent: boolean): Match {
  if (domain.path !== undefined) return { kind: 'path', path: domain.path }
  if (domain.unit !== undefined) return { kind: 'unit', unit: domain.unit }
  if (domain.uuid !== undefined) return { kind: 'uuid', uuid: domain.uuid }
  if (domain.command !== undefined) {
    return { kind: 'command', command: commandOf({ ...domain, command: domain.command }) }
  }
  return isParent ? { kind: 'parent' } : { kind: 'name' }
}

/** Where nothing is said: CPU, and each resource that a share of the domain or a goal on it names. */
function controlsOf(name: string, domain: WrittenDomain, shares: readonly string[], written: Written): string[] {
  if (domain.controls !== undefined) return [...new Set(domain.controls)]
  const controls = new Set<string>(['cpu', ...shares])
  for (const goal of written.goals) {
    if (goal === null || !namesOf(goal, name, domain.groups ?? [])) continue
    if (goal.kind === 'utilization') controls.add(goal.resource ?? 'cpu')
    if (goal.kind === 'fixed') for (const key of Object.keys(goal.amounts)) controls.add(key)
  }
  return [...controls]
}

function buildShares(
  controls: readonly string[],
  shares: ReadonlyMap<string, WrittenShare>,
  written: Written,
): Record<ResourceKey, Share> {
  const built: Record<string, Share> = {}
  for (const key of new Set([...controls, ...shares.keys()])) {
    const unit = written.units.get(key)
    if (unit === undefined) continue
    const share = shares.get(key) ?? {}
    const inUnit = (value: number | string | undefined) => (value === undefined ? null : amount(value, unit))
    built[key] = {
      reservation: inUnit(share.reservation),
      own: inUnit(share.own),
      lend: share.lend ?? true,
      borrow: share.borrow ?? true,
      limit: inUnit(share.limit),
      weight: share.weight ?? null,
    }
  }
  return built
}

function schedulingOf(written: WrittenDomain['scheduling']): SchedulingPolicy | null {
  if (written === undefined || written.activity !== undefined) return null
  return {
    class: written.class ?? 'other',
    priority: written.priority ?? 0,
    sliceMs: written.slice === undefined ? null : milliseconds(written.slice),
  }
}

function byActivityOf(
  written: NonNullable<WrittenDomain['scheduling']>['activity'] | undefined,
): DomainPolicy['byActivity'] {
  if (written === undefined) return null
  const stated = Object.entries(written).flatMap(([activity, rule]) =>
    rule === undefined ? [] : [[activity, schedulingOf(rule)] as const],
  )
  return { ...BY_ACTIVITY, ...Object.fromEntries(stated) }
}

function affinityOf(written: WrittenDomain['affinity']): DomainPolicy['affinity'] {
  if (written === undefined) return null
  const stated = Object.entries(written.activity).filter(([, rule]) => rule !== undefined)
  return { ...AFFINITY_BY_ACTIVITY, ...Object.fromEntries(stated) }
}

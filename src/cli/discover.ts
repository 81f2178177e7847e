import { setTimeout as sleep } from 'node:timers/promises'
import type { DomainObservation } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { type CgroupDriver, createCgroupDriver } from '#drivers/cgroup/driver.ts'
import { childrenOf, processesIn } from '#drivers/cgroup/groups.ts'
import { baseDir, isOwn, type Layout } from '#drivers/cgroup/layout.ts'
import { parsePolicy } from '#policy/parse.ts'

/** A group that a policy could name, as it was seen over a few seconds. */
export interface Found {
  readonly name: string
  readonly path: string
  readonly kind: 'service' | 'container' | 'group'
  /** The systemd unit that it is, where systemd runs. */
  readonly unit: string | null
  /** Millicores that it used meanwhile. */
  readonly cpu: number
  /** Bytes that it works with. */
  readonly memory: number
  /** In millicores and bytes; null where nothing limits it. */
  readonly limits: { readonly cpu: number | null; readonly memory: number | null }
}

/** Deeper groups belong to whoever made the ones above. */
const DEPTH_MOST = 5
const CANDIDATES_MOST = 300
/** Nothing is started, so nothing prints. */
const NO_OUTPUT = '/dev/null'
const CONTAINER = /(?:^|\/)(?:docker|libpod|crio|cri-containerd|lxc|lxc\.payload)[-./]([\w.-]+?)(?:\.scope)?$/

/** Watches every group that could be a domain for some seconds, with the driver that would manage it. Sets nothing. */
export async function discover(seconds: number): Promise<readonly Found[]> {
  const driver = await createCgroupDriver({ outputDir: NO_OUTPUT })
  try {
    const candidates = candidatesIn(driver.layout)
    await driver.prepare(policyOf(candidates))
    const before = await seenBy(driver)
    await sleep(seconds * 1000)
    const after = await seenBy(driver)
    const hasUnits = driver.capabilities.some(({ name, available }) => name === 'systemd' && available)
    return candidates
      .flatMap((candidate) => measured(candidate, before.get(candidate.name), after.get(candidate.name)))
      .map((its) => ({ ...its, unit: hasUnits && its.kind === 'service' ? lastOf(its.path) : null }))
      .sort((a, b) => b.cpu - a.cpu || b.memory - a.memory)
  } finally {
    await driver.close()
  }
}

type Candidate = Pick<Found, 'name' | 'path' | 'kind'>

/** Services and containers whole, and other groups where processes are directly in them; never Reeve's own. */
function candidatesIn(layout: Layout): Candidate[] {
  const found: Candidate[] = []
  const names = new Set<string>()
  function add(path: string, kind: Found['kind'], wanted: string): void {
    const base = wanted
      .replace(/[^\w.-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 40)
    let name = base === '' ? 'group' : base
    for (let n = 2; names.has(name); n++) name = `${base}-${n}`
    names.add(name)
    found.push({ name, path, kind })
  }
  function walk(path: string, depth: number): void {
    if (found.length >= CANDIDATES_MOST || isOwn(layout, path)) return
    const last = lastOf(path)
    const container = CONTAINER.exec(path)?.[1]
    if (container !== undefined) add(path, 'container', container.slice(0, 12))
    else if (last.endsWith('.service')) add(path, 'service', last.slice(0, -'.service'.length))
    else if (path !== '' && last !== 'init.scope' && processesIn(baseDir(layout, path)).length > 0) {
      add(path, 'group', last)
    } else if (depth < DEPTH_MOST) {
      for (const child of childrenOf(baseDir(layout, path))) walk(`${path}/${child}`, depth + 1)
    }
  }
  walk('', 0)
  return found
}

/** The candidates as domains to look at. */
function policyOf(candidates: readonly Candidate[]): Policy {
  const domains = Object.fromEntries(
    candidates.map(({ name, path }) => [name, { path, mode: 'observe', controls: ['cpu', 'memory'] }]),
  )
  const text = JSON.stringify({ apiVersion: 'reeve/v1', host: { mode: 'observe' }, domains })
  const parsed = parsePolicy(text, { file: 'candidates' })
  if (parsed.ok) return parsed.policy
  throw new Error(`cannot watch the groups of this host: ${parsed.faults[0]?.message}`)
}

async function seenBy(driver: CgroupDriver): Promise<ReadonlyMap<string, DomainObservation>> {
  const { domains } = await driver.observe(true)
  return new Map(domains.map((domain) => [domain.name, domain]))
}

/** Empty for a group that came or went meanwhile. */
function measured(candidate: Candidate, before?: DomainObservation, after?: DomainObservation): Omit<Found, 'unit'>[] {
  if (before === undefined || after === undefined || before.identity !== after.identity) return []
  const seconds = Math.max((after.takenAtMs - before.takenAtMs) / 1000, 1e-3)
  const cpu = ((after.counters['cpu'] ?? 0) - (before.counters['cpu'] ?? 0)) / seconds
  const limitOf = (knob: 'cpu.quota' | 'memory.limit') => {
    const value = after.settings[knob]
    return typeof value === 'number' ? value : null
  }
  const limits = { cpu: limitOf('cpu.quota'), memory: limitOf('memory.limit') }
  return [{ ...candidate, cpu, memory: after.levels['memory'] ?? 0, limits }]
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

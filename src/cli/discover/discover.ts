import { setTimeout as sleep } from 'node:timers/promises'
import type { DomainObservation } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { CPU, MEMORY } from '#core/model/resource.ts'
import { createCgroupDriver } from '#drivers/cgroup/driver.ts'
import { DEFAULT_WEIGHT } from '#drivers/cgroup/knobs.ts'
import type { Layout } from '#drivers/cgroup/layout.ts'
import { composeDrivers } from '#drivers/compose.ts'
import { createLibvirtDriver } from '#drivers/libvirt/driver.ts'
import { visit } from '#drivers/libvirt/visit.ts'
import { DEFAULT_URIS } from '#policy/build-host.ts'
import { parsePolicy } from '#policy/parse.ts'
import type { Driver } from '#ports.ts'
import type { Discovery, FoundGroup, FoundMachine, ListedMachine } from './found.ts'
import { type Candidate, groupsIn, lastOf } from './groups.ts'
import { machinesOn } from './machines.ts'
import { createNames } from './names.ts'

/** Nothing is started, so nothing prints. */
const NO_OUTPUT = '/dev/null'

type NamedMachine = ListedMachine & { readonly name: string }

/**
 * Watches every group and every machine that could be a domain for some seconds, with the drivers that would manage
 * them. Sets nothing. `named` are libvirt connections to look at instead of the default.
 */
export async function discover(seconds: number, named: readonly string[]): Promise<Discovery> {
  const visits = await Promise.all((named.length > 0 ? named : DEFAULT_URIS).map((uri) => visit(uri, machinesOn)))
  const answering = visits.filter((one) => one.answers)
  const uris = answering.map(({ uri }) => uri)
  const groups = await createCgroupDriver({ outputDir: NO_OUTPUT })
  const driver = composeDrivers([createLibvirtDriver({ groups, uris }), groups])
  try {
    const names = createNames()
    const machines = eachOnce(answering.flatMap(({ told }) => told)).map((its) => ({
      ...its,
      name: names.keep(its.machine) ?? names.make(its.machine, 'machine'),
    }))
    const { candidates, machines: machineGroups } = groupsIn(groups.layout, names)
    await driver.prepare(policyOf(candidates, machines, uris))
    const before = await seenBy(driver)
    await sleep(seconds * 1000)
    const after = await seenBy(driver)
    const watch = (name: string): Watch | null => watched(before.get(name), after.get(name))
    const hasUnits = driver.capabilities.some(({ name, available }) => name === 'systemd' && available)
    const places: readonly string[] = machines.flatMap(({ name }) => after.get(name)?.node ?? [])
    return {
      seconds,
      named,
      found: [
        ...machines.flatMap((its) => foundMachine(its, groups.layout, watch(its.name))).sort(busiestFirst),
        // A container of libvirt is a group as well, which would be told twice.
        ...candidates
          .filter(({ path }) => !places.includes(path))
          .flatMap((its) => foundGroup(its, hasUnits, watch(its.name)))
          .sort(busiestFirst),
      ],
      silent: visits.filter((one) => !one.answers).map(({ uri, reason }) => ({ uri, reason })),
      unwatched: machines.filter(({ name }) => isOutside(after.get(name))),
      unknown: machineGroups.filter((path) => !places.includes(path)).length,
    }
  } finally {
    await driver.close()
  }
}

/** Two URIs may lead to one libvirtd. */
function eachOnce(machines: readonly ListedMachine[]): ListedMachine[] {
  return [...new Map(machines.map((its) => [its.uuid, its])).values()]
}

/** The candidates as domains to look at. */
function policyOf(groups: readonly Candidate[], machines: readonly NamedMachine[], uris: readonly string[]): Policy {
  const watching = { mode: 'observe', controls: [CPU, MEMORY] }
  const domains = Object.fromEntries([
    ...machines.map(({ name, uuid }) => [name, { driver: 'libvirt', uuid, ...watching }]),
    ...groups.map(({ name, path }) => [name, { path, ...watching }]),
  ])
  const host = { mode: 'observe', ...(uris.length > 0 ? { libvirt: uris } : {}) }
  const parsed = parsePolicy(JSON.stringify({ apiVersion: 'reeve/v1', host, domains }), { file: 'candidates' })
  if (parsed.ok) return parsed.policy
  throw new Error(`cannot watch what runs on this host: ${parsed.faults[0]?.message}`)
}

async function seenBy(driver: Driver): Promise<ReadonlyMap<string, DomainObservation>> {
  const { domains } = await driver.observe(true)
  return new Map(domains.map((domain) => [domain.name, domain]))
}

interface Watch {
  /** In millicores. */
  readonly cpu: number
  readonly last: DomainObservation
}

/** null for what came or went meanwhile. */
function watched(before?: DomainObservation, after?: DomainObservation): Watch | null {
  if (before === undefined || after === undefined || before.identity !== after.identity) return null
  const seconds = Math.max((after.takenAtMs - before.takenAtMs) / 1000, 1e-3)
  return { cpu: ((after.counters[CPU] ?? 0) - (before.counters[CPU] ?? 0)) / seconds, last: after }
}

function foundGroup(its: Candidate, hasUnits: boolean, watch: Watch | null): FoundGroup[] {
  if (watch === null) return []
  const { cpu, last } = watch
  const limits = { cpu: numberOf(last, 'cpu.quota'), memory: numberOf(last, 'memory.limit') }
  const unit = hasUnits && its.kind === 'service' ? lastOf(its.path) : null
  return [{ ...its, unit, cpu, memory: last.levels[MEMORY] ?? 0, limits }]
}

function foundMachine(its: NamedMachine, { version }: Layout, watch: Watch | null): FoundMachine[] {
  if (watch === null || isOutside(watch.last)) return []
  const { cpu, last } = watch
  const quotas = [its.vcpuQuota, numberOf(last, 'cpu.quota')].filter((quota) => quota !== null)
  const limits = { cpu: quotas.length > 0 ? Math.min(...quotas) : null, memory: numberOf(last, 'memory.limit') }
  const weight = (numberOf(last, 'cpu.weight') ?? DEFAULT_WEIGHT[version]) / DEFAULT_WEIGHT[version]
  const seen = { ...its, cpu, memory: last.levels[MEMORY] ?? 0, weight }
  const balloon = numberOf(last, 'memory.balloon')
  const { [CPU]: cpuMost, [MEMORY]: memoryMost } = last.most ?? {}
  if (cpuMost === undefined || memoryMost === undefined) {
    return [{ ...seen, kind: 'container of libvirt', hardware: null, limits }]
  }
  const hardware = { vcpus: cpuMost / 1000, balloon: balloon ?? memoryMost }
  const memory = hardware.balloon < memoryMost ? hardware.balloon : null
  return [{ ...seen, kind: 'machine', hardware, limits: { ...limits, memory } }]
}

function isOutside(seen: DomainObservation | undefined): boolean {
  return seen === undefined || seen.isOutside === true
}

function numberOf(
  { settings }: DomainObservation,
  knob: 'cpu.quota' | 'cpu.weight' | 'memory.limit' | 'memory.balloon',
) {
  const value = settings[knob]
  return typeof value === 'number' ? value : null
}

function busiestFirst(one: Pick<FoundGroup, 'cpu' | 'memory'>, other: Pick<FoundGroup, 'cpu' | 'memory'>): number {
  return other.cpu - one.cpu || other.memory - one.memory
}

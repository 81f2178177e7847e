import type { DomainName, NodeId } from '#core/model/ids.ts'
import type { DomainObservation, HostCapacity, SchedulingNode, Topology } from '#core/model/observation.ts'
import type { Driver, DriverObservation, Words } from '#ports.ts'

/** Several drivers as one: everything is asked of all, and each change goes to the driver of its kind. */
export interface ComposedDriver extends Driver {
  /** The driver of one kind, or null where this host has none. */
  of(kind: string): Driver | null
  look(): Promise<void>
}

export function composeDrivers(drivers: readonly Driver[]): ComposedDriver {
  const byKind = new Map(drivers.map((driver) => [driver.kind, driver]))
  /** The kind of driver that sets each node, as last shown. */
  const owners = new Map<NodeId, string>()

  return {
    kind: drivers.map(({ kind }) => kind).join('+'),
    get capabilities() {
      return drivers.flatMap(({ capabilities }) => capabilities)
    },
    of: (kind) => byKind.get(kind) ?? null,

    async prepare(policy) {
      const prepared = await Promise.all(drivers.map((driver) => driver.prepare(policy)))
      return prepared.flat()
    },

    async look() {
      await Promise.all(drivers.map((driver) => driver.look?.()))
    },

    async observe(slow) {
      if (drivers.length === 1) return (drivers[0] as Driver).observe(slow)
      // One after another: the last one shows the hierarchy that the domains of all are in.
      const seen: DriverObservation[] = []
      for (const driver of drivers) seen.push(await driver.observe(slow))
      const all = merge(seen)
      owners.clear()
      for (const { id, driver } of all.nodes) owners.set(id, driver)
      for (const { node, driver } of all.domains) owners.set(node, driver)
      return all
    },

    async read(node, knob) {
      const owner = byKind.get(owners.get(node) ?? '')
      if (owner !== undefined) return owner.read(node, knob)
      for (const driver of drivers) {
        const found = await driver.read(node, knob)
        if (found !== null) return found
      }
      return null
    },

    identityOf(node) {
      for (const driver of drivers) {
        const identity = driver.identityOf(node)
        if (identity !== null) return identity
      }
      return null
    },

    onEvent(listener) {
      const ends = drivers.flatMap((driver) => driver.onEvent?.(listener) ?? [])
      return () => {
        for (const end of ends) end()
      }
    },

    async apply(change, signal) {
      const { node, knob } = change
      const driver = byKind.get(change.driver)
      if (driver !== undefined) return driver.apply(change, signal)
      const message = `cannot set ${knob} of ${node}: no driver '${change.driver}' runs here`
      return { status: 'failed', node, knob, code: 'ENODRIVER', message }
    },

    async close() {
      await Promise.all(drivers.map((driver) => driver.close()))
    },
  }
}

/** The first driver that can tell the capacity or the topology of the host speaks for all: they share one host. */
function merge(seen: readonly DriverObservation[]): DriverObservation {
  const capacity: Record<string, HostCapacity> = {}
  let topology: Topology = { cpus: [] }
  const domains: DomainObservation[] = []
  const nodes: SchedulingNode[] = []
  const words = new Map<DomainName, Words>()
  for (const one of seen) {
    for (const [key, its] of Object.entries(one.capacity)) capacity[key] ??= its
    if (topology.cpus.length === 0) topology = one.topology
    domains.push(...one.domains)
    nodes.push(...one.nodes)
    for (const [name, its] of one.words ?? []) words.set(name, its)
  }
  return { capacity, topology, domains, nodes, words }
}

import type { NodeId } from '#core/model/ids.ts'
import type { DomainObservation, HostCapacity, SchedulingNode, Topology } from '#core/model/observation.ts'
import type { Driver, DriverObservation } from '#ports.ts'

/** Several drivers as one: everything is asked of all, and each change goes to the driver of its kind. */
export interface ComposedDriver extends Driver {
  /** The driver of one kind, or null where this host has none. */
  of(kind: string): Driver | null
}

export function composeDrivers(drivers: readonly Driver[]): ComposedDriver {
  const byKind = new Map(drivers.map((driver) => [driver.kind, driver]))
  /** Which driver showed a node last; nodes of two drivers never have the same name (a path, a UUID). */
  const owners = new Map<NodeId, Driver>()

  return {
    kind: drivers.map(({ kind }) => kind).join('+'),
    capabilities: drivers.flatMap(({ capabilities }) => capabilities),
    of: (kind) => byKind.get(kind) ?? null,

    async prepare(policy) {
      const prepared = await Promise.all(drivers.map((driver) => driver.prepare(policy)))
      return prepared.flat()
    },

    async observe(slow) {
      if (drivers.length === 1) return (drivers[0] as Driver).observe(slow)
      const seen = await Promise.all(drivers.map((driver) => driver.observe(slow)))
      owners.clear()
      seen.forEach(({ nodes }, i) => {
        for (const { id } of nodes) owners.set(id, drivers[i] as Driver)
      })
      return merge(seen)
    },

    async read(node, knob) {
      const owner = owners.get(node)
      if (owner !== undefined) return owner.read(node, knob)
      for (const driver of drivers) {
        const found = await driver.read(node, knob)
        if (found !== null) return found
      }
      return null
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
  for (const one of seen) {
    for (const [key, its] of Object.entries(one.capacity)) capacity[key] ??= its
    if (topology.cpus.length === 0) topology = one.topology
    domains.push(...one.domains)
    nodes.push(...one.nodes)
  }
  return { capacity, topology, domains, nodes }
}

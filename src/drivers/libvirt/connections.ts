import type { Layout } from '#drivers/cgroup/layout.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Capability } from '#ports.ts'
import type { StatsGroup } from './connection.ts'
import { type Guest, type Inventory, inventoryOf, type OutsideDomain, withoutAnswer } from './inventory.ts'
import { type Link, linkTo } from './link.ts'

/** All connections that the policy names, and what each told last. */
export class Connections {
  readonly #layout: Layout
  readonly #cpus: number
  readonly #hear: () => void
  #links: readonly Link[]
  /** Why the last look at a connection came to nothing, until one comes to something. */
  readonly #failed = new WeakMap<Link, string>()
  #inventories: ReadonlyMap<Link, Inventory> = new Map()

  /** `cpus` is how many CPUs this host has; `hear` is called whenever something happens to a domain. */
  constructor(layout: Layout, cpus: number, uris: readonly string[], hear: () => void) {
    this.#layout = layout
    this.#cpus = cpus
    this.#hear = hear
    this.#links = uris.map((uri) => linkTo(uri, hear))
  }

  get links(): readonly Pick<Link, 'uri' | 'problem'>[] {
    return this.#links
  }

  get capabilities(): readonly Capability[] {
    return this.#links.map((link) => {
      const { uri } = link
      const problem = link.problem ?? this.#failed.get(link) ?? null
      if (problem === null) return { name: uri, available: true, detail: runningText(this.#inventories.get(link)) }
      return { name: uri, available: false, reason: problem, remedy: 'see whether libvirtd runs and may be used' }
    })
  }

  /** Lets go of those that are not among the URIs, and keeps the others open. */
  async follow(uris: readonly string[]): Promise<void> {
    const kept = this.#links.filter(({ uri }) => uris.includes(uri))
    for (const link of this.#links) if (!kept.includes(link)) await link.close()
    this.#links = uris.map((uri) => kept.find((link) => link.uri === uri) ?? linkTo(uri, this.#hear))
  }

  /**
   * Asks every connection what runs, and for so much of each machine. What was `running` on one that does not answer is
   * taken to run on.
   */
  async look(
    running: readonly Guest[],
    stats: readonly StatsGroup[],
  ): Promise<{ guests: readonly Guest[]; outside: readonly OutsideDomain[] }> {
    const links = this.#links
    const asked = links.map((link) => {
      const known = running.filter((guest) => guest.link === link)
      return this.#inventory(link, known, stats)
    })
    const inventories = await Promise.all(asked)
    this.#inventories = new Map(links.map((link, i) => [link, inventories[i] as Inventory]))
    return {
      guests: inventories.flatMap(({ guests }) => guests),
      outside: inventories.flatMap(({ outside }) => outside),
    }
  }

  async close(): Promise<void> {
    for (const link of this.#links) await link.close()
  }

  async #inventory(link: Link, known: readonly Guest[], stats: readonly StatsGroup[]): Promise<Inventory> {
    const question = { layout: this.#layout, cpus: this.#cpus, stats, known }
    try {
      // One that has not answered since the last look is not asked again.
      const inventory = await link.use((connection) => inventoryOf(connection, link, question))
      this.#failed.delete(link)
      return inventory
    } catch (error) {
      this.#failed.set(link, reasonOf(error))
      return withoutAnswer(known, this.#inventories.get(link)?.outside ?? [])
    }
  }
}

function runningText(inventory: Inventory | undefined): string {
  const { guests, outside } = inventory ?? { guests: [], outside: [] }
  const others = outside.length > 0 ? `, and ${outside.length} outside of this host's control groups` : ''
  return `${guests.length} domains run${others}`
}

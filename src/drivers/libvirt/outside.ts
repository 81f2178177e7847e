import type { DomainName, Identity, NodeId } from '#core/model/ids.ts'
import type { DomainObservation } from '#core/model/observation.ts'
import { CPU, MEMORY } from '#core/model/resource.ts'
import { monotonicMs } from '#drivers/cgroup/monotonic.ts'
import { inTime } from '#lib/in-time.ts'
import type { Connection } from './connection.ts'
import { PAUSED } from './domain-list.ts'
import type { OutsideDomain } from './inventory.ts'
import type { Link } from './link.ts'
import type { Matched } from './match.ts'

/**
 * Domains that the policy names and that are in no control group of this host: what libvirt tells of them is all there
 * is. They are observed, and nothing of them is set: what they take is not this host's to divide.
 */

export interface MatchedOutside extends Matched {
  readonly domain: OutsideDomain
}

interface Told {
  readonly isPaused: boolean
  /** Absent where the hypervisor tells it only domain by domain. */
  readonly cpuMs: number | undefined
  readonly atMs: number
}

/** A turn does not wait longer for a connection: what it told before stands. */
const PATIENCE_MS = 200

export class OutsideDomains {
  #domains: readonly MatchedOutside[] = []
  #links: readonly Link[] = []
  /** What was told last, by node; what is not there has ended. */
  readonly #told = new Map<NodeId, Told>()
  /** Links that have not answered yet. */
  readonly #asked = new Set<Link>()

  /** What the slow look has found. Where a connection did not answer it finds what it had found before. */
  follow(domains: readonly MatchedOutside[]): void {
    const atMs = monotonicMs()
    const before = new Set(this.#domains.map(({ domain }) => domain))
    const fresh = domains.filter(({ domain }) => !before.has(domain)).map(({ domain }) => domain)
    const nodes = new Set(domains.map(({ domain }) => nodeOf(domain)))
    for (const node of this.#told.keys()) if (!nodes.has(node)) this.#told.delete(node)
    for (const domain of fresh) this.#told.set(nodeOf(domain), { ...domain, atMs })
    this.#domains = domains
    this.#links = [...new Set(domains.map(({ domain }) => domain.link))]
  }

  /** Asks each connection once for the state and the CPU time of all its domains. */
  async renew(): Promise<void> {
    const idle = this.#links.filter((link) => !this.#asked.has(link))
    await Promise.all(idle.map((link) => inTime(this.#ask(link), AbortSignal.timeout(PATIENCE_MS)).catch(() => {})))
  }

  /** What there is to say to whoever would have an entry of the policy managed; null where it names none of these. */
  wordOn(policyIndex: number): string | null {
    const its = this.#domains.filter((one) => one.policyIndex === policyIndex)
    const [first] = its
    if (first === undefined) return null
    const who = its.length === 1 ? first.name : `${first.name} and ${its.length - 1} more`
    const where = `on ${first.domain.link.uri}, in no control group of this host`
    return `${who}: ${where}; observed only, with no goal and nothing set (mode: observe says the same)`
  }

  has(node: NodeId): boolean {
    return this.#told.has(node)
  }

  observe(slow: boolean): DomainObservation[] {
    return this.#domains.flatMap((one) => {
      const told = this.#told.get(nodeOf(one.domain))
      return told === undefined ? [] : [observationOf(one, told, slow)]
    })
  }

  async #ask(link: Link): Promise<void> {
    this.#asked.add(link)
    try {
      const told = await link.use(statesOn)
      for (const { domain } of this.#domains) {
        if (domain.link !== link) continue
        const its = told.get(domain.uuid)
        if (its === undefined || its.id !== domain.id) this.#told.delete(nodeOf(domain))
        else this.#told.set(nodeOf(domain), its)
      }
    } finally {
      this.#asked.delete(link)
    }
  }
}

async function statesOn(connection: Connection): Promise<Map<string, Told & { readonly id: number }>> {
  const stats = await connection.stats(['state', 'cpu'])
  const atMs = monotonicMs()
  return new Map(
    stats.map(({ uuid, id, stats: its }) => {
      const nanoseconds = its.get('cpu.time')
      const cpuMs = typeof nanoseconds === 'number' ? nanoseconds / 1e6 : undefined
      return [uuid, { id, isPaused: its.get('state.state') === PAUSED, cpuMs, atMs }]
    }),
  )
}

function observationOf({ name, policyIndex, domain }: MatchedOutside, told: Told, slow: boolean): DomainObservation {
  const { uuid, id, vcpus, memory, memoryMost } = domain
  return {
    name: name as DomainName,
    identity: `${uuid}/${id}` as Identity,
    driver: 'libvirt',
    policyIndex,
    state: told.isPaused ? 'paused' : 'running',
    node: nodeOf(domain),
    isOutside: true,
    takenAtMs: told.atMs,
    // A CPU that is busy for a millisecond uses a millicore-second.
    counters: told.cpuMs === undefined ? {} : { [CPU]: told.cpuMs },
    levels: slow ? { [`${MEMORY}.held`]: memory } : {},
    most: { [CPU]: vcpus * 1000, [MEMORY]: memoryMost },
    settings: {},
  }
}

function nodeOf({ link, uuid }: OutsideDomain): NodeId {
  return `libvirt:${link.uri}/${uuid}` as NodeId
}

import { AGENT_SECONDS, type AgentAnswer, askAgent } from '#drivers/libvirt/agent.ts'
import type { Connection } from '#drivers/libvirt/connection.ts'
import { type Described, describe } from '#drivers/libvirt/description.ts'
import type { DomainInfo } from '#drivers/libvirt/domain-list.ts'
import { visit } from '#drivers/libvirt/visit.ts'

/** What libvirt tells of a machine or a container at one look. */
export interface LookedAt extends DomainInfo, Described {
  /** Whether the guest has told what memory it could do without. */
  readonly reports: boolean
}

export async function lookAt(connection: Connection) {
  const { hypervisor } = connection
  const versions = await connection.versions()
  // Others have no balloons, and libvirt none of its counters of them.
  const stats = hypervisor === 'QEMU' ? await connection.stats(['balloon']) : []
  const reporting = new Set(stats.filter((its) => its.stats.has('balloon.usable')).map(({ uuid }) => uuid))
  const machines: LookedAt[] = []
  for (const info of await connection.domains()) {
    // One that ended meanwhile is not there.
    const xml = await connection.description(info.uuid).catch(() => null)
    if (xml !== null) machines.push({ ...info, ...describe(xml), reports: reporting.has(info.uuid) })
  }
  return { hypervisor, versions, machines }
}

/** A connection makes one call at a time, so there are several; not more, as all share one pool of threads. */
const CONNECTIONS = 3

/** What the agent of each machine says that can answer. Those that are not asked in time are missing. */
export async function askAgents(uri: string, machines: readonly LookedAt[]): Promise<Map<string, AgentAnswer>> {
  const asked = machines.filter(({ isPaused, type }) => !isPaused && (type === 'kvm' || type === 'qemu'))
  const answers = new Map<string, AgentAnswer>()
  const lanes = Array.from({ length: CONNECTIONS }, (_, i) => asked.filter((_, at) => at % CONNECTIONS === i))
  await Promise.all(
    lanes
      .filter((lane) => lane.length > 0)
      .map((lane) => visit(uri, (connection) => askInTurn(connection, lane, answers), laneMs(lane.length))),
  )
  return answers
}

async function askInTurn(
  connection: Connection,
  machines: readonly LookedAt[],
  answers: Map<string, AgentAnswer>,
): Promise<void> {
  for (const { uuid } of machines) answers.set(uuid, await askAgent(connection, uuid))
}

/** Each agent has its seconds, and libvirt one more. */
function laneMs(count: number): number {
  return (AGENT_SECONDS + 1) * 1000 * count
}

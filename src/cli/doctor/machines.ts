import { AGENT_SECONDS, type AgentAnswer, askAgent } from '#drivers/libvirt/agent.ts'
import { type Connection, PAUSED } from '#drivers/libvirt/connection.ts'
import { type Described, describe, versionText } from '#drivers/libvirt/description.ts'
import { visit } from '#drivers/libvirt/visit.ts'

/** What libvirt tells of a machine at one look. */
export interface LookedAt extends Described {
  readonly uuid: string
  readonly name: string
  readonly isPaused: boolean
  /** Whether the guest has told what memory it could do without. */
  readonly reports: boolean
}

export async function lookAt(connection: Connection) {
  const { libvirt, hypervisor } = await connection.versions()
  const machines: LookedAt[] = []
  for (const { uuid, name, stats } of await connection.stats(['state', 'balloon'])) {
    // One that ended meanwhile is not there.
    const xml = await connection.description(uuid).catch(() => null)
    if (xml === null) continue
    const [isPaused, reports] = [stats.get('state.state') === PAUSED, stats.has('balloon.usable')]
    machines.push({ uuid, name, isPaused, reports, ...describe(xml) })
  }
  return { libvirt: versionText(libvirt), hypervisor: versionText(hypervisor), machines }
}

/** A connection makes one call at a time, so there are several; not more, as Node has four threads for calls. */
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

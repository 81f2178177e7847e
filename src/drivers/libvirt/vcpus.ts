import { setTimeout as sleep } from 'node:timers/promises'
import type { Setting } from '#core/model/observation.ts'
import type { Layout } from '#drivers/cgroup/layout.ts'
import { type GuestVcpus, setGuestVcpus } from './agent.ts'
import type { Agents } from './agents.ts'
import type { Machine } from './machine.ts'
import { pinsOf } from './pins.ts'
import { readVcpuScheduling, setVcpuScheduling } from './vcpu-groups.ts'

/**
 * How many vCPUs a guest uses: it parks and wakes them itself, asked by its agent, and gets more plugged in where it
 * has too few. None is ever pulled out: QEMU 7.2 loses count, and a later move or plug can end it.
 */

/** What the host side of a machine needs when a vCPU is plugged in. */
export interface Place {
  readonly agents: Agents
  readonly layout: Layout
  /** How many CPUs the host has. */
  readonly cpus: number
}

/** How long a guest may take to see a vCPU that was plugged in, and how often it is asked meanwhile. */
const SEEN_MS = 2000
const POLL_MS = 100

/**
 * Brings the guest to use `to` vCPUs; returns how many it says it uses.
 * @throws where it does not answer, refuses, or goes on with another number: then what it said last is what counts. A
 * step whose time is up is not begun.
 */
export async function setVcpuCount(place: Place, machine: Machine, to: Setting, signal: AbortSignal): Promise<number> {
  if (typeof to !== 'number' || !Number.isInteger(to) || to < 1) throw new Error('cpu.count is a whole number from 1')
  const { agents } = place
  const before = await told(agents, machine)
  signal.throwIfAborted()
  const vcpus = to > present(before) ? await plugIn(place, machine, to) : before
  const { list, use } = steps(vcpus, to)
  signal.throwIfAborted()
  if (list.length > 0) {
    await agents
      .use(machine, (connection) => setGuestVcpus(connection, machine.uuid, list, use))
      .catch((cause: unknown) => {
        // What came of it is asked in the background.
        void agents.ask(machine)
        throw cause
      })
  }
  const { online } = await told(agents, machine)
  if (online.length === to) return to
  throw Object.assign(new Error(`the guest was asked, and uses ${online.length}`), { code: 'EPENDING' })
}

/** Which vCPUs to wake, the lowest first, or to park, the highest first and never the first one. */
export function steps({ online, parked, offlinable }: GuestVcpus, count: number): { list: number[]; use: boolean } {
  if (count >= online.length) return { list: parked.slice(0, count - online.length), use: true }
  const idle = online.filter((vcpu) => vcpu !== 0 && offlinable.includes(vcpu))
  const [excess, most] = [online.length - count, idle.length]
  if (excess > most) throw new Error(`of the ${online.length} that the guest uses it can park ${most}`)
  return { list: idle.slice(most - excess), use: false }
}

/** Plugs in what is missing, with the pins and the scheduling class of the others, and waits until the guest sees it. */
async function plugIn({ agents, layout, cpus }: Place, machine: Machine, count: number): Promise<GuestVcpus> {
  const { uuid, link, path } = machine
  const scheduling = commonScheduling(layout, path)
  await link.use(async (connection) => {
    const has = await connection.vcpus(uuid)
    // The guest may not have seen them yet. To ask for fewer than it has would be to pull some out.
    if (has >= count) return
    await connection.setVcpus(uuid, count)
    const pins = pinsOf(machine.cpus, count, cpus).vcpus.entries()
    for (const [vcpu, map] of pins) if (vcpu >= has && map !== null) await connection.pinVcpu(uuid, vcpu, map)
  })
  if (scheduling !== null) setVcpuScheduling(layout, path, scheduling)
  const deadlineMs = performance.now() + SEEN_MS
  for (;;) {
    const vcpus = await told(agents, machine)
    if (present(vcpus) >= count) return vcpus
    if (performance.now() > deadlineMs) {
      const why = `the guest sees ${present(vcpus)} vCPUs, although it has ${count}`
      throw Object.assign(new Error(why), { code: 'EPENDING' })
    }
    await sleep(POLL_MS)
  }
}

function present({ online, parked }: GuestVcpus): number {
  return online.length + parked.length
}

async function told(agents: Agents, machine: Machine): Promise<GuestVcpus> {
  const answer = await agents.ask(machine)
  if (answer.status === 'answers') return answer.vcpus
  throw new Error(answer.status === 'none' ? 'the machine has no guest agent' : answer.reason)
}

/** null where the threads differ, or cannot be asked: then the new one keeps what it was born with. */
function commonScheduling(layout: Layout, path: string): string | null {
  try {
    return readVcpuScheduling(layout, path)
  } catch {
    return null
  }
}

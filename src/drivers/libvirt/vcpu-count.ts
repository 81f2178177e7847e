import type { DomainObservation, Setting } from '#core/model/observation.ts'
import { CPU } from '#core/model/resource.ts'
import type { Layout } from '#drivers/cgroup/layout.ts'
import { monotonicMs } from '#drivers/cgroup/monotonic.ts'
import { agentsOf } from './agents.ts'
import type { Machine } from './machine.ts'
import { setVcpuCount } from './vcpus.ts'

/** The knob `cpu.count`: offered where a guest's agent tells how many vCPUs are in use, and set by asking it. */
export interface VcpuCount {
  /** Asks the guests whose time has come, in the background. */
  refresh(machines: readonly Machine[]): void
  /** The observation of a guest, by its control group, with what its agent told last or why it does not tell. */
  seen(path: string, without: DomainObservation): DomainObservation
  /** Asks now; null where there is no agent. @throws where there is one that does not answer. */
  read(machine: Machine): Promise<number | null>
  /** Resolves with how many are in use then: the machine has at least as many. @throws where the guest does not follow. */
  set(machine: Machine, to: Setting, signal: AbortSignal): Promise<number>
  /** Lets go of connections that are not among these. */
  follow(uris: readonly string[]): Promise<void>
  close(): Promise<void>
}

const NO_AGENT = 'the machine has no channel for a guest agent (org.qemu.guest_agent.0)'

/** `cpus` is how many the host has. */
export function vcpuCount(layout: Layout, cpus: number): VcpuCount {
  const agents = agentsOf(monotonicMs)
  return {
    refresh: (machines) => agents.refresh(machines, monotonicMs()),
    seen(path, without) {
      const answer = agents.lastAnswer(path)
      if (answer === undefined) return without
      if (answer.status === 'silent') return { ...without, lacks: { ...without.lacks, 'cpu.count': answer.reason } }
      if (answer.status === 'none') return { ...without, lacks: { ...without.lacks, 'cpu.count': NO_AGENT } }
      const inUse = answer.vcpus.online.length
      const settings = { ...without.settings, 'cpu.count': inUse }
      const most = { ...without.most, [CPU]: inUse * 1000 }
      return { ...without, settings, most }
    },
    async read(machine) {
      const answer = await agents.ask(machine)
      if (answer.status === 'silent') throw new Error(`reading cpu.count of ${machine.name}: ${answer.reason}`)
      return answer.status === 'none' ? null : answer.vcpus.online.length
    },
    set: (machine, to, signal) => setVcpuCount({ agents, layout, cpus }, machine, to, signal),
    follow: (uris) => agents.follow(uris),
    close: () => agents.close(),
  }
}

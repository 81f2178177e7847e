import type { Setting, Settings } from '#core/model/observation.ts'
import type { Layout } from '#drivers/cgroup/layout.ts'
import { monotonicMs } from '#drivers/cgroup/monotonic.ts'
import type { Capability } from '#ports.ts'
import { agentsOf } from './agents.ts'
import type { Machine } from './machine.ts'
import { setVcpuCount } from './vcpus.ts'

/** The knob `cpu.count`: offered where a guest's agent tells how many vCPUs are in use, and set by asking it. */
export interface VcpuCount {
  /** Asks the guests whose time has come, in the background. */
  refresh(machines: readonly Machine[]): void
  /** As last told; nothing where no agent has answered. */
  setting(machine: Machine): Settings
  /** Asks now; null where there is no agent. @throws where there is one that does not answer. */
  read(machine: Machine): Promise<number | null>
  /** Resolves with the machine as it is then. @throws where the guest does not follow. */
  set(machine: Machine, to: Setting): Promise<Machine>
  /** Guests whose agent does not answer, with the reason. */
  silent(machines: readonly Machine[]): Capability[]
  close(): Promise<void>
}

/** `cpus` is how many the host has. */
export function vcpuCount(layout: Layout, cpus: number): VcpuCount {
  const agents = agentsOf(monotonicMs)
  return {
    refresh: (machines) => agents.refresh(machines, monotonicMs()),
    setting(machine) {
      const vcpus = agents.vcpus(machine)
      return vcpus === null ? {} : { 'cpu.count': vcpus.online.length }
    },
    async read(machine) {
      const answer = await agents.ask(machine)
      if (answer.status === 'silent') throw new Error(`reading cpu.count of ${machine.name}: ${answer.reason}`)
      return answer.status === 'none' ? null : answer.vcpus.online.length
    },
    async set(machine, to) {
      const count = await setVcpuCount({ agents, layout, cpus }, machine, to)
      // Where it had too few, the rest was plugged in.
      return { ...machine, vcpus: Math.max(machine.vcpus, count) }
    },
    silent: (machines) =>
      machines.flatMap((machine): Capability[] => {
        const reason = agents.problem(machine)
        if (reason === null) return []
        const remedy = `see whether qemu-guest-agent runs inside ${machine.name}`
        return [{ name: `cpu.count of ${machine.name}`, available: false, reason, remedy }]
      }),
    close: () => agents.close(),
  }
}

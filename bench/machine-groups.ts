import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BedHost } from '#bed/host.ts'
import { dirOf, findLayout, type Layout } from '#drivers/cgroup/layout.ts'

/** The control groups of a test bed's machines, read beside the daemon and not through it. */
export interface MachineGroups {
  /**
   * CPU in milliseconds that libvirtd and the emulator threads of all machines have used so far: that of everything on
   * the host less that of the vCPUs. No machine may have come or gone since it was first asked.
   */
  overheadMs(): number
  /** The weight that a machine has now; null while it is not there. */
  weight(name: string): number | null
  /** Whether it has another weight than it started with. */
  isSet(name: string): boolean
}

export function groupsOf(host: BedHost): MachineGroups {
  const layout = findLayout('reeve-bench') as Layout
  const all = dirOf(layout, 'cpuacct', host.cgroup) as string
  const weights = dirOf(layout, 'cpu', host.cgroup) as string
  const weightAtFirst = layout.version === 1 ? 1024 : 100
  const weightFile = layout.version === 1 ? 'cpu.shares' : 'cpu.weight'
  const weight = (name: string): number | null => {
    const [group] = globSync(`machine/qemu-*-${name}.libvirt-qemu`, { cwd: weights })
    try {
      return group === undefined ? null : Number(readFileSync(join(weights, group, weightFile), 'utf8'))
    } catch {
      // It ended while it was looked at.
      return null
    }
  }
  // Found once: to look for them costs more than the turns that this measures.
  let vcpus: readonly string[] | null = null
  return {
    overheadMs() {
      vcpus ??= globSync('machine/**/vcpu*', { cwd: all }).map((path) => join(all, path))
      return vcpus.reduce((rest, dir) => rest - usedMs(layout, dir), usedMs(layout, all))
    },
    weight,
    isSet: (name) => ![null, weightAtFirst].includes(weight(name)),
  }
}

function usedMs({ version }: Layout, dir: string): number {
  if (version === 1) return Number(readFileSync(join(dir, 'cpuacct.usage'), 'utf8')) / 1e6
  return Number(/usage_usec (\d+)/.exec(readFileSync(join(dir, 'cpu.stat'), 'utf8'))?.[1]) / 1000
}

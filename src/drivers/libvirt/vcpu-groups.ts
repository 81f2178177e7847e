import type { Setting } from '#core/model/observation.ts'
import { childrenOf } from '#drivers/cgroup/groups.ts'
import { baseDir, type Layout } from '#drivers/cgroup/layout.ts'
import { readScheduling, setScheduling } from '#drivers/cgroup/scheduling.ts'

/**
 * The control groups that hold the thread of one vCPU each, as libvirt makes them below a machine's own: `vcpu0` and so
 * on, where systemd keeps the machine below a `libvirt`. Empty where libvirt does not use groups for CPU.
 */
export function vcpuGroups(layout: Layout, path: string): string[] {
  for (const place of [path, `${path}/libvirt`]) {
    const found = childrenOf(baseDir(layout, place)).filter((name) => /^vcpu\d+$/.test(name))
    if (found.length > 0) return found.map((name) => `${place}/${name}`)
  }
  return []
}

/** Class, priority and slice of all vCPU threads; null where they differ or there is none. */
export function readVcpuScheduling(layout: Layout, path: string): string | null {
  return readScheduling(layout, vcpuGroups(layout, path))
}

/** Sets all vCPU threads and none other of the machine; returns what reads back. */
export function setVcpuScheduling(layout: Layout, path: string, to: Setting): Setting {
  return setScheduling(layout, vcpuGroups(layout, path), to)
}

import { accessSync, constants, existsSync } from 'node:fs'
import type { Capability } from '#ports.ts'
import { KNOB_FAMILIES, type KnobFamily, knobFiles } from './knobs.ts'
import { dirOf, holdsProcesses, type Layout } from './layout.ts'
import type { Systemd } from './systemd.ts'

/** What this driver can see and do here. Everything is tried or looked at, nothing is guessed. */
export function capabilitiesOf(layout: Layout, systemd: Systemd | null, scheduling: SchedulingProbe): Capability[] {
  return [
    { name: 'cgroup', available: true, detail: `version ${layout.version} at ${layout.base.mount}` },
    creation(layout),
    ...KNOB_FAMILIES.map((family) => knob(layout, family)),
    ...schedulingOf(scheduling),
    pressure(layout),
    systemd === null
      ? {
          name: 'systemd',
          available: false,
          reason: 'systemctl does not answer',
          remedy: 'none is needed where systemd does not run; units cannot be matched',
        }
      : { name: 'systemd', available: true, detail: `version ${systemd.version}, set-property --runtime` },
  ]
}

/** What trying `sched_setattr` gave: why it cannot be called, or whether the kernel keeps time slices. */
export type SchedulingProbe = { readonly problem: string } | { readonly timeSlices: boolean }

function creation(layout: Layout): Capability {
  const name = 'create'
  const remedy = 'run Reeve as root, with control groups mounted for writing'
  for (const { mount, home } of layout.all) {
    try {
      accessSync(`${mount}${home}`, constants.W_OK)
    } catch (error) {
      return { name, available: false, reason: `${mount}${home}: ${(error as NodeJS.ErrnoException).code}`, remedy }
    }
  }
  if (layout.version === 2 && holdsProcesses(layout.base.mount + layout.base.home)) {
    return {
      name,
      available: false,
      reason: `${layout.base.mount}${layout.base.home} holds processes, so its children get no controllers`,
      remedy: 'start Reeve in a delegated sub-group (systemd: Delegate=yes, DelegateSubgroup=daemon)',
    }
  }
  return { name, available: true, detail: `below ${layout.base.mount}${layout.rootPath}` }
}

/** A knob exists where its controller is, and its first file in a place other than the top, which has hardly any. */
function knob(layout: Layout, family: KnobFamily): Capability {
  const spec = knobFiles(layout, family)
  const dir = dirOf(layout, spec.controller, '')
  if (dir === null) {
    return {
      name: family,
      available: false,
      reason: `the controller ${spec.controller} is not mounted`,
      remedy: `boot a kernel with it (cgroup_enable=${spec.controller === 'io' ? 'blkio' : spec.controller})`,
    }
  }
  if (family === 'io.weight' && !existsSync(`${dir}/${spec.files[0]}`) && !existsSync(`${dir}/io.bfq.weight`)) {
    return { name: family, available: false, reason: 'no I/O scheduler here knows weights', remedy: 'load bfq' }
  }
  return { name: family, available: true, detail: spec.files.join(', ') }
}

function schedulingOf(probe: SchedulingProbe): Capability[] {
  if ('problem' in probe) {
    const remedy = 'install the native part of koffi for this machine'
    return [{ name: 'sched', available: false, reason: probe.problem, remedy }]
  }
  const slices: Capability = probe.timeSlices
    ? { name: 'sched.slice', available: true, detail: 'per thread' }
    : {
        name: 'sched.slice',
        available: false,
        reason: 'this kernel keeps no time slice per task',
        remedy: 'Linux 6.12 or later does',
      }
  return [{ name: 'sched', available: true, detail: 'sched_setattr' }, slices]
}

function pressure(layout: Layout): Capability {
  const file = layout.counting === null ? null : `${layout.counting.mount}/cpu.pressure`
  if (file !== null && existsSync(file)) return { name: 'pressure', available: true, detail: 'per group' }
  return {
    name: 'pressure',
    available: false,
    reason: 'this kernel keeps none per group',
    remedy: 'boot with psi=1 and a cgroup2 mount',
  }
}

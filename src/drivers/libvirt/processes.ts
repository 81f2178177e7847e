import { readdirSync, readFileSync } from 'node:fs'
import { type Layout, pathOfProcess } from '#drivers/cgroup/layout.ts'
import { printable } from '#lib/printable.ts'
import type { DomainId } from './domain-list.ts'

/**
 * Where the running domains of this host are: libvirt puts each QEMU, and each keeper of a container, into a control
 * group of its own. Read from /proc, since libvirt does not tell.
 */

/** Groups below a domain's own, in which libvirt puts QEMU's threads. */
const INNER = /(\/libvirt)?(\/(emulator|vcpu\d+|iothread\d+))?$/
/** What libvirt calls a group that it made, without and with systemd. */
export const OF_LIBVIRT = /(\.libvirt-(qemu|lxc)|\/machine-(qemu|lxc)\\x2d[^/]*\.scope)$/

/** null where it shares a group with others, as machines of users do. */
type Group = string | null

/** The group of each machine by its UUID, which QEMU has among its arguments. The cost is that of reading /proc once. */
export function groupsOfMachines(layout: Layout, wanted: ReadonlySet<string>): Map<string, Group> {
  const groups = new Map<string, Group>()
  for (const pid of readdirSync('/proc')) {
    if (groups.size === wanted.size) break
    // The name of a thread is cut at 15 characters: `qemu-system-x86`.
    if (!isProcess(pid, /^(qemu-|kvm\n)/)) continue
    const uuid = argumentOf(pid, '-uuid')
    if (uuid !== null && wanted.has(uuid)) put(groups, uuid, groupOf(layout, pid))
  }
  return groups
}

/**
 * The group of each container by its UUID. Its keeper has its name among its arguments, and libvirt gives it the id of
 * that process for its own, as its libvirtd counts processes.
 */
export function groupsOfContainers(layout: Layout, wanted: readonly DomainId[]): Map<string, Group> {
  const groups = new Map<string, Group>()
  for (const pid of readdirSync('/proc')) {
    if (groups.size === wanted.length) break
    if (!isProcess(pid, /^libvirt_lxc\n/)) continue
    const name = printable(argumentOf(pid, '--name') ?? '')
    const found = wanted.find((one) => one.name === name && one.id === innermostPid(pid))
    if (found !== undefined) put(groups, found.uuid, groupOf(layout, pid))
  }
  return groups
}

/** A process that is gone again has no group, and shares none either. */
function put(groups: Map<string, Group>, uuid: string, group: Group | undefined): void {
  if (group !== undefined) groups.set(uuid, group)
}

function groupOf(layout: Layout, pid: string): Group | undefined {
  const path = pathOfProcess(layout, pid)?.replace(INNER, '')
  return path === undefined ? undefined : OF_LIBVIRT.test(path) ? path : null
}

function isProcess(pid: string, name: RegExp): boolean {
  return /^\d/.test(pid) && name.test(text(`/proc/${pid}/comm`))
}

function argumentOf(pid: string, option: string): string | null {
  const args = text(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  const at = args.indexOf(option)
  return at < 0 ? null : (args[at + 1] ?? null)
}

/** The id in the innermost of the namespaces that it is in: `NSpid: 487 100`. */
function innermostPid(pid: string): number {
  return Number(/^NSpid:.*\s(\d+)$/m.exec(text(`/proc/${pid}/status`))?.[1])
}

/** Empty where the process is gone, or is somebody's whose arguments are not to be read. */
function text(path: string, encoding: 'latin1' | 'utf8' = 'latin1'): string {
  try {
    return readFileSync(path, encoding)
  } catch {
    return ''
  }
}

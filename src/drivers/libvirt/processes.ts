import { readdirSync, readFileSync } from 'node:fs'
import { type Layout, pathOfProcess } from '#drivers/cgroup/layout.ts'

/**
 * Where the running machines of this host are: every QEMU is started with its UUID among its arguments, and libvirt
 * puts it into a control group of its own. Read from /proc, since libvirt does not tell.
 */

/** Groups below a machine's own, in which libvirt puts QEMU's threads. */
const INNER = /(\/libvirt)?\/(emulator|vcpu\d+|iothread\d+)$/

/** The group of each machine by its UUID; `wanted` are those to look for. The cost is that of reading /proc once. */
export function groupsOfMachines(layout: Layout, wanted: ReadonlySet<string>): Map<string, string> {
  const groups = new Map<string, string>()
  for (const pid of readdirSync('/proc')) {
    if (groups.size === wanted.size) break
    const uuid = /^\d/.test(pid) && isQemu(pid) ? uuidOf(pid) : null
    if (uuid === null || !wanted.has(uuid)) continue
    const path = pathOfProcess(layout, pid)
    if (path !== null) groups.set(uuid, path.replace(INNER, ''))
  }
  return groups
}

/** The name of a thread is cut at 15 characters: `qemu-system-x86`. */
function isQemu(pid: string): boolean {
  return /^(qemu-|kvm\n)/.test(text(`/proc/${pid}/comm`))
}

function uuidOf(pid: string): string | null {
  const args = text(`/proc/${pid}/cmdline`).split('\0')
  const at = args.indexOf('-uuid')
  return at < 0 ? null : (args[at + 1] ?? null)
}

/** Empty where the process is gone, or is somebody's whose arguments are not to be read. */
function text(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

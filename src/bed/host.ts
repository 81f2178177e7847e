import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { kernelVersion } from './building.ts'
import { type BedContainer, type ContainerOptions, startContainer } from './container.ts'
import { programPath } from './programs.ts'
import { type BedGuest, type GuestOptions, startGuest } from './vm.ts'
import { buildVmImage } from './vm-image.ts'

/**
 * A test bed: a private libvirtd that sees nothing of the machine's own libvirt, and real QEMU guests on it under
 * emulation. Needs root and what scripts/system-deps installs; nothing of it outlives the process that started it.
 */

export type { BedGuest } from './vm.ts'

export interface BedHost {
  readonly name: string
  /** For libvirt's clients outside of it: `qemu+unix:///system?socket=...`. */
  readonly uri: string
  /** The same for its containers. */
  readonly containersUri: string
  /** The control group that holds libvirtd and all its guests, from the top of every tree. */
  readonly cgroup: string
  /** Of its first process, whose namespaces are the host. */
  readonly pid: number
  /** Runs libvirt's own client against it and returns what that prints. @throws with what it said where it failed. */
  virsh(...args: readonly string[]): Promise<string>
  /** Defines and boots a guest; resolves when it answers. */
  start(options: GuestOptions): Promise<BedGuest>
  /** Defines and starts a container. */
  startContainer(options: ContainerOptions): Promise<BedContainer>
  /** kill -9 of libvirtd. Its guests go on. */
  killDaemon(): Promise<void>
  startDaemon(): Promise<void>
  /** Has libvirtd hang until it may go on. */
  haltDaemon(): void
  continueDaemon(): void
  /** Ends everything; resolves when nothing is left. */
  stop(): Promise<void>
}

const PROGRAMS = [
  'libvirtd',
  'virsh',
  'qemu-system-x86_64',
  'qemu-ga',
  'unshare',
  'nsenter',
  'setpriv',
  'busybox',
  'cpio',
  'ip',
]

/** Whether a test bed can be had here, with what else is needed, and if not, what is missing and what to do. */
export function bedAvailable(
  also: readonly string[] = [],
): { available: true } | { available: false; reason: string; remedy: string } {
  const remedy = 'run scripts/system-deps as root'
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { available: false, reason: 'test machines are for Linux on x64', remedy: 'try it on such a machine' }
  const missing = [...PROGRAMS, ...also].filter((name) => programPath(name) === undefined)
  if (missing.length > 0) return { available: false, reason: `missing programs: ${missing.join(', ')}`, remedy }
  if (kernelVersion() === undefined) return { available: false, reason: 'the guest kernel is not unpacked', remedy }
  if (process.getuid?.() !== 0)
    return { available: false, reason: 'only root can make hosts', remedy: 'run it as root' }
  return { available: true }
}

const configuration = () => ({
  // Hosts are told apart by their UUID, which libvirtd would take from the firmware of the machine that both run on.
  'libvirtd.conf': `host_uuid = "${randomUUID()}"
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
log_level = 3
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
`,
  'qemu.conf': `user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
security_default_confined = 0
namespaces = []
stdio_handler = "file"
`,
})

const execute = promisify(execFile)
/** Starting libvirtd takes 3 s the first time, as it asks QEMU for what it can do. */
const START_MOST_MS = 60_000
const POLL_MS = 50
/** While it exists, libvirtd is not started again. */
const KEEP_DOWN = 'run/keep-down'

/** @throws with the log of libvirtd where it does not come up. */
export async function startHost(name: string): Promise<BedHost> {
  const folder = mkdtempSync(`/run/reeve-bed-${name}-`)
  const cgroup = `/${folder.slice('/run/'.length)}`
  mkdirSync(join(folder, 'etc/libvirt'), { recursive: true })
  for (const [file, text] of Object.entries(configuration())) writeFileSync(join(folder, 'etc/libvirt', file), text)
  const keeper = spawn(join(import.meta.dirname, 'host.sh'), [cgroup.slice(1), folder, name], {
    stdio: ['pipe', 'ignore', 'pipe'],
    // Not to be ended by a Ctrl-C before it has taken everything down.
    detached: true,
  })
  const host = new Host(name, folder, cgroup, keeper)
  try {
    await host.answers()
    return host
  } catch (error) {
    const log = readText(join(folder, 'var/log/libvirt/libvirtd.log')).split('\n').slice(-5).join('\n')
    await host.stop()
    throw new Error(`libvirtd of the host ${name} did not come up: ${(error as Error).message}\n${host.said}${log}`)
  }
}

class Host implements BedHost {
  readonly name: string
  readonly uri: string
  readonly containersUri: string
  readonly cgroup: string
  readonly #folder: string
  readonly #keeper: ChildProcess
  readonly #guests: BedGuest[] = []
  said = ''

  constructor(name: string, folder: string, cgroup: string, keeper: ChildProcess) {
    this.name = name
    this.#folder = folder
    this.cgroup = cgroup
    this.#keeper = keeper
    this.uri = `qemu+unix:///system?socket=${join(folder, 'run/libvirt/libvirt-sock')}`
    this.containersUri = this.uri.replace(/^qemu/, 'lxc')
    keeper.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.said = (this.said + text).slice(-4000)
    })
  }

  get pid(): number {
    return Number(readText(join(this.#folder, 'pid')))
  }

  async virsh(...args: readonly string[]): Promise<string> {
    const { stdout } = await execute('virsh', ['-q', '-c', this.uri, ...args])
    return stdout.trim()
  }

  async start(options: GuestOptions): Promise<BedGuest> {
    const guest = await startGuest(this, this.#folder, buildVmImage(), options)
    this.#guests.push(guest)
    return guest
  }

  startContainer(options: ContainerOptions): Promise<BedContainer> {
    const virsh = (...args: readonly string[]) => this.virsh('-c', this.containersUri, ...args)
    return startContainer({ virsh }, this.#folder, options)
  }

  async killDaemon(): Promise<void> {
    writeFileSync(join(this.#folder, KEEP_DOWN), '')
    for (const pid of this.#daemons()) process.kill(pid, 'SIGKILL')
    await until(() => (this.#daemons().length === 0 ? true : null))
  }

  async startDaemon(): Promise<void> {
    rmSync(join(this.#folder, KEEP_DOWN), { force: true })
    await this.answers()
  }

  haltDaemon(): void {
    for (const pid of this.#daemons()) process.kill(pid, 'SIGSTOP')
  }

  continueDaemon(): void {
    for (const pid of this.#daemons()) process.kill(pid, 'SIGCONT')
  }

  /** Resolves when libvirtd answers. */
  async answers(): Promise<void> {
    await until(async () => {
      if (this.#keeper.exitCode !== null) throw new Error(`its keeper ended with ${this.#keeper.exitCode}`)
      return this.virsh('version').catch(() => null)
    })
  }

  async stop(): Promise<void> {
    for (const guest of this.#guests) guest.close()
    const ended = this.#keeper.exitCode === null ? once(this.#keeper, 'exit') : null
    this.#keeper.stdin?.end()
    await ended
  }

  /** Ids outside of the namespaces; none while it is down. */
  #daemons(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => readText(`/proc/${pid}/comm`).trim() === 'libvirtd')
      .filter((pid) => readText(`/proc/${pid}/cgroup`).includes(`${this.cgroup}\n`))
  }
}

/** Asks again and again until there is an answer. @throws when it takes too long. */
export async function until<Answer>(ask: () => Answer | null | Promise<Answer | null>): Promise<Answer> {
  const deadline = performance.now() + START_MOST_MS
  for (;;) {
    const answer = await ask()
    if (answer !== null) return answer
    if (performance.now() > deadline) throw new Error(`no answer in ${START_MOST_MS / 1000} s`)
    await sleep(POLL_MS)
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

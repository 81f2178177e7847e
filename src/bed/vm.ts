import { truncateSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { until } from './host.ts'
import type { VmImage } from './vm-image.ts'

/** One guest of a test bed: a tiny Linux with a shell, a guest agent and a server that does work on request. */

export interface GuestOptions {
  readonly name: string
  /** vCPUs that it starts with, and that it can have. Default 1 of 1. */
  readonly vcpus?: number
  readonly maxVcpus?: number
  /** What its balloon leaves it, and all it has. Default 128 of 256 MiB. */
  readonly memoryMib?: number
  readonly maxMemoryMib?: number
  /** A test of what comes without needs none. Default true. */
  readonly agent?: boolean
  /** Sizes of its disks (/dev/vda, /dev/vdb ...), empty files of which only what is written takes space. Default none. */
  readonly disksMib?: readonly number[]
  /** A CD drive with nothing in it. Default none. */
  readonly emptyDrive?: boolean
  /** Default true. */
  readonly balloon?: boolean
  /** Its address on the network of its host, such as `10.78.0.2/24`. Default no network. */
  readonly address?: string
}

export interface BedGuest {
  readonly name: string
  /** Runs one line of shell in it and returns what that printed. @throws where it ended with another code than 0. */
  shell(line: string): Promise<string>
  /** The sockets of its workers, one for each vCPU: a line with a number is that much work, and comes back when done. */
  readonly workChannels: readonly string[]
  /** Asks the worker with the fewest requests for so much work; resolves when it is done. */
  work(units: number): Promise<void>
  /** Resolves when it answers again, after a reboot or a start. */
  ready(): Promise<void>
  /** Lets go of its channels; the guest stays. */
  close(): void
}

interface Place {
  virsh(...args: readonly string[]): Promise<string>
}

export async function startGuest(
  host: Place,
  folder: string,
  image: VmImage,
  options: GuestOptions,
): Promise<BedGuest> {
  const { name } = options
  const file = join(folder, `${name}.xml`)
  const disks = makeDisks(folder, options)
  writeFileSync(file, domainXml(image, disks, options))
  await host.virsh('define', file)
  await host.virsh('start', name)
  const guest = new Guest(name, join(folder, 'run', `${name}.shell`), workChannels(folder, options))
  await guest.ready()
  return guest
}

/** Their files as libvirtd sees them, in the order of the devices. */
function makeDisks(folder: string, { name, disksMib = [] }: GuestOptions): string[] {
  return disksMib.map((mib, i) => {
    const file = `run/${name}.disk-${i}`
    writeFileSync(join(folder, file), '')
    truncateSync(join(folder, file), mib * 1024 * 1024)
    return `/${file}`
  })
}

/** One for each vCPU that it can have. */
function workChannels(folder: string, { name, vcpus = 1, maxVcpus = vcpus }: GuestOptions): string[] {
  return Array.from({ length: maxVcpus }, (_, i) => join(folder, 'run', `${name}.work-${i}`))
}

class Guest implements BedGuest {
  readonly name: string
  readonly #shell: Lines
  readonly workChannels: readonly string[]
  readonly #work: readonly Lines[]

  constructor(name: string, shell: string, workPaths: readonly string[]) {
    this.name = name
    this.#shell = new Lines(shell)
    this.workChannels = workPaths
    this.#work = workPaths.map((path) => new Lines(path))
  }

  async ready(): Promise<void> {
    await this.#shell.open()
    // What is said before the guest listens is lost, or answered late: it is asked again, each time for another word.
    let tries = 0
    await until(() => {
      const word = `ready-${++tries}`
      let isThis = false
      const isLast = (line: string) => {
        isThis ||= line === word
        return isThis && line.startsWith('#exit ')
      }
      return this.#shell.ask(`echo ${word}`, isLast, 1000).catch(() => null)
    })
  }

  async shell(line: string): Promise<string> {
    const lines = await this.#shell.ask(line, (answer) => answer.startsWith('#exit '))
    const code = Number(lines.pop()?.slice('#exit '.length))
    const text = lines.join('\n')
    if (code !== 0) throw new Error(`${this.name}: "${line}" ended with ${code}: ${text}`)
    return text
  }

  async work(units: number): Promise<void> {
    const channel = this.#work.reduce((one, other) => (other.waiting < one.waiting ? other : one))
    // Opened when it is needed, as it takes one client at a time.
    await channel.opened()
    await channel.ask(`${units}`, () => true)
  }

  close(): void {
    this.#shell.close()
    for (const channel of this.#work) channel.close()
  }
}

interface Question {
  readonly lines: string[]
  readonly isLast: (line: string) => boolean
  readonly answer: (lines: string[]) => void
  readonly fail: (error: Error) => void
}

/** Questions and answers in lines over one socket, in order. */
class Lines {
  readonly #path: string
  #socket: Socket | null = null
  #left = ''
  #questions: Question[] = []
  #opening: Promise<void> | null = null

  constructor(path: string) {
    this.#path = path
  }

  async open(): Promise<void> {
    this.close()
    this.#socket = await until(
      () =>
        new Promise<Socket | null>((resolve) => {
          const socket = connect(this.#path, () => resolve(socket))
          socket.once('error', () => resolve(null))
        }),
    )
    this.#socket.setEncoding('utf8').on('data', (text: string) => this.#take(text))
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => this.#failAll(new Error(`${this.#path} was closed`)))
  }

  /** Questions without an answer yet. */
  get waiting(): number {
    return this.#questions.length
  }

  /** Opens it where it is not. */
  opened(): Promise<void> {
    this.#opening ??= this.open()
    return this.#opening
  }

  ask(line: string, isLast: (line: string) => boolean, mostMs?: number): Promise<string[]> {
    return new Promise((answer, fail) => {
      const question = { lines: [], isLast, answer, fail }
      this.#questions.push(question)
      this.#socket?.write(`${line}\n`)
      if (mostMs === undefined) return
      setTimeout(() => {
        this.#questions = this.#questions.filter((one) => one !== question)
        fail(new Error(`no answer to "${line}" in ${mostMs} ms`))
      }, mostMs).unref()
    })
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = null
    this.#opening = null
    this.#failAll(new Error(`${this.#path} was closed`))
  }

  #take(text: string): void {
    const lines = (this.#left + text).split('\n')
    this.#left = lines.pop() ?? ''
    for (const line of lines) {
      const [question] = this.#questions
      if (question === undefined) continue
      question.lines.push(line)
      if (!question.isLast(line)) continue
      this.#questions.shift()
      question.answer(question.lines)
    }
  }

  #failAll(error: Error): void {
    for (const { fail } of this.#questions.splice(0)) fail(error)
  }
}

function domainXml(image: VmImage, disks: readonly string[], options: GuestOptions): string {
  const { name, vcpus = 1, memoryMib = 128, agent = true, emptyDrive = false, balloon = true, address } = options
  const { maxVcpus = vcpus, maxMemoryMib = Math.max(256, memoryMib) } = options
  const channel = (port: string) =>
    `<channel type='unix'><source mode='bind' path='/run/${name}.${port}'/><target type='virtio' name='reeve.${port}'/></channel>`
  const workers = Array.from({ length: maxVcpus }, (_, i) => channel(`work-${i}`)).join('\n    ')
  const disk = (file: string, i: number) =>
    `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${file}'/><target dev='vd${'abcd'[i]}' bus='virtio'/></disk>`
  // Always emulated: /dev/kvm may be there and not work.
  return `<domain type='qemu'>
  <name>${name}</name>
  <memory unit='MiB'>${maxMemoryMib}</memory><currentMemory unit='MiB'>${memoryMib}</currentMemory>
  <vcpu placement='static' current='${vcpus}'>${maxVcpus}</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>${image.kernel}</kernel><initrd>${image.initramfs}</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check mitigations=off random.trust_cpu=on${address === undefined ? '' : ` reeve.address=${address}`}</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model></cpu>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <serial type='file'><source path='/var/log/libvirt/${name}.console'/><target port='0'/></serial>
    ${channel('shell')}
    ${workers}
    ${agent ? "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>" : ''}
    ${disks.map(disk).join('\n    ')}
    ${emptyDrive ? "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>" : ''}
    ${address === undefined ? '' : "<interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>"}
    ${balloon ? "<memballoon model='virtio'><stats period='1'/></memballoon>" : "<memballoon model='none'/>"}
  </devices>
</domain>
`
}

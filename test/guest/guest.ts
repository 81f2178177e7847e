/**
 * Runs one command in a Linux guest of its own: Debian's kernel under QEMU's emulation (never KVM, so that it behaves
 * the same wherever it runs), cgroup v2 with all controllers, this checkout read-only at /reeve, the pinned Node.
 *
 * A guest is for one command and keeps nothing: its disks are read-only or thrown away, and its processes end with it.
 * The host needs no root, only what scripts/system-deps installs.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { arch, platform } from 'node:os'
import type { Duplex, Readable } from 'node:stream'
import { kernelVersion } from '#bed/building.ts'
import { programPath } from '#bed/programs.ts'
import { buildGuestImages, type GuestImages } from './images.ts'

export type GuestCommand = {
  /** Run as root with /reeve as working directory; words, not shell text. */
  command: readonly string[]
  timeoutSeconds: number
  memoryMb?: number
  cpus?: number
  /** Told of every piece of output as it comes. */
  onOutput?: (text: string) => void
}

/**
 * `exitCode` is the command's own, or 124 when the time was up, or 125 when the guest stopped without an answer; then
 * `output` ends with the kernel's last words. `output` is stdout and stderr as they came.
 */
export type GuestResult = { exitCode: number; output: string; seconds: number }

const TIMED_OUT = 124
const NO_ANSWER = 125

const PROGRAMS = ['qemu-system-x86_64', 'setpriv', 'busybox', 'cpio', 'mke2fs', 'depmod', 'ldd', 'nft', 'ip']

export function guestAvailable(): { available: true } | { available: false; reason: string; remedy: string } {
  if (platform() !== 'linux' || arch() !== 'x64') {
    return { available: false, reason: `the guest is for Linux on x64, not ${platform()} on ${arch()}`, remedy: 'none' }
  }
  const remedy = 'run scripts/system-deps as root'
  const missing = PROGRAMS.filter((name) => programPath(name) === undefined)
  if (missing.length > 0) return { available: false, reason: `missing programs: ${missing.join(', ')}`, remedy }
  if (kernelVersion() === undefined) return { available: false, reason: 'the guest kernel is not unpacked', remedy }
  return { available: true }
}

export async function runInGuest(asked: GuestCommand): Promise<GuestResult> {
  const images = buildGuestImages()
  const startedMs = performance.now()
  const machine = startMachine(images, asked.cpus ?? 2, asked.memoryMb ?? 512)
  const [, console, , output, control] = machine.stdio as [null, Readable, null, Readable, Duplex]

  let text = ''
  output.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
    asked.onOutput?.(piece)
  })
  let kernelWords = ''
  console.setEncoding('utf8').on('data', (piece: string) => {
    kernelWords = (kernelWords + piece).slice(-4_000)
  })
  let exitCode: number | undefined
  converse(control, asked, (code) => {
    exitCode = code
  })

  let timedOut = false
  const deadline = setTimeout(() => {
    timedOut = true
    machine.kill('SIGKILL')
  }, asked.timeoutSeconds * 1_000)
  try {
    await closed(machine)
  } finally {
    clearTimeout(deadline)
  }
  const seconds = (performance.now() - startedMs) / 1_000
  if (exitCode !== undefined) return { exitCode, output: text, seconds }
  const why = timedOut ? `no end after ${asked.timeoutSeconds} s` : 'the machine stopped without an answer'
  const tail = `\nguest: ${why}; its kernel said last:\n${kernelWords}`
  return { exitCode: timedOut ? TIMED_OUT : NO_ANSWER, output: text + tail, seconds }
}

/** Answers the guest's "ready" with the time it has and the command, and hands on the exit code that it sends last. */
function converse(control: Duplex, asked: GuestCommand, onExit: (code: number) => void): void {
  let received = ''
  control.setEncoding('utf8').on('data', (piece: string) => {
    received += piece
    const lines = received.split('\n')
    received = lines.pop() ?? ''
    for (const line of lines) {
      const [word, value] = line.trim().split(' ')
      if (word === 'exit') onExit(Number(value))
      if (word === 'ready') {
        // A second more than the host allows, so that the host's own report of the deadline comes first.
        const script = `exec ${asked.command.map(quoted).join(' ')}\n`
        control.write(`${Math.ceil(asked.timeoutSeconds) + 1} ${Buffer.from(script).toString('base64')}\n`)
      }
    }
  })
  // The machine's end closes its side at any time; what had to be said has been said, or is missed by the caller.
  control.on('error', () => {})
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

/**
 * setpriv makes the kernel kill QEMU when the thread that started it ends, however it ends. The guest's output and the
 * control channel are sockets that QEMU inherits, so that nothing has to be cleaned up in the file system.
 */
function startMachine(images: GuestImages, cpus: number, memoryMb: number): ChildProcess {
  const kernelArguments =
    'console=ttyS0 panic=-1 tsc=reliable no_timer_check reboot=t mitigations=off random.trust_cpu=on cgroup_no_v1=all'
  const disk = (serial: string, file: string, mode: string) => [
    ...['-drive', `if=none,id=${serial},format=raw,file=${file.replaceAll(',', ',,')},${mode}`],
    ...['-device', `virtio-blk-pci,drive=${serial},serial=${serial}`],
  ]
  const port = (name: string, descriptor: number) => [
    ...['-chardev', `socket,id=${name},fd=${descriptor}`],
    ...['-device', `virtserialport,chardev=${name},name=${name}`],
  ]
  // With a thread for each CPU, QEMU 7.2 runs stale translations of code that was just compiled: one start of Node in
  // fifteen ended with a segmentation fault; with one thread for all, none in seventy.
  const machine = [
    ...['-accel', 'tcg,thread=single', '-machine', 'q35', '-cpu', 'qemu64,+rdrand'],
    ...['-smp', `${cpus}`, '-m', `${memoryMb}M`],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-kernel', images.kernel, '-initrd', images.initramfs, '-append', kernelArguments],
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci', ...port('output', 3), ...port('control', 4)],
    ...disk('root', images.root, 'readonly=on'),
    ...disk('sources', images.sources, 'readonly=on'),
    // Writes go to a temporary file that QEMU has unlinked before the guest starts.
    ...disk('scratch', images.scratch, 'snapshot=on'),
  ]
  const program = programPath('setpriv') ?? 'setpriv'
  const emulator = programPath('qemu-system-x86_64') ?? 'qemu-system-x86_64'
  return spawn(program, ['--pdeathsig', 'KILL', emulator, ...machine], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'pipe'],
  })
}

/** Resolves when the machine has ended and all it wrote has been read. */
function closed(machine: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    machine.once('error', reject)
    machine.once('close', () => resolve())
  })
}

import { arch } from 'node:os'
import type { Setting } from '#core/model/observation.ts'
import type { SchedulingPolicy } from '#core/model/policy.ts'
import type { Layout } from './layout.ts'
import { threadsOf } from './members.ts'

/**
 * Scheduling class, real-time priority and time slice of all threads of a domain, by `sched_setattr`, which Node does
 * not offer. The time slice of the classes `other` and `batch` is their `sched_runtime` since Linux 6.12 (EEVDF); the
 * nice value stays as it is.
 */

type ClassName = SchedulingPolicy['class']
/** Numbers of <linux/sched.h>. */
const CLASS_NUMBER: Readonly<Record<ClassName, number>> = { other: 0, fifo: 1, 'round-robin': 2, batch: 3, idle: 5 }
const CALL_NUMBERS: Readonly<Record<string, { set: number; get: number }>> = {
  x64: { set: 314, get: 315 },
  arm64: { set: 274, get: 275 },
}

/** Layout of `struct sched_attr`, version 1 of it: offsets in bytes. */
const SIZE = 48
const AT = { size: 0, policy: 4, flags: 8, nice: 16, priority: 20, runtime: 24 } as const
const RESET_ON_FORK = 1n

type SystemCall = (number: number, thread: number, attributes: Buffer, a: number, b: number) => number
interface Calls {
  readonly syscall: SystemCall
  readonly errno: () => number
  readonly codes: ReadonlyMap<number, string>
  readonly set: number
  readonly get: number
}
let calls: Calls | null = null

/** Loads the way to the system calls; throws where it cannot work on this machine. */
export async function openScheduling(): Promise<void> {
  if (calls !== null) return
  const numbers = CALL_NUMBERS[arch()]
  if (numbers === undefined) throw new Error(`the system call numbers of ${arch()} are not known`)
  const { default: koffi } = await import('koffi')
  const syscall = koffi.load(null).func('long syscall(long, int, void *, unsigned int, unsigned int)') as SystemCall
  const codes = new Map(Object.entries(koffi.os.errno).map(([code, number]) => [number as number, code]))
  calls = { syscall, errno: () => koffi.errno(), codes, ...numbers }
}

/** True where the kernel keeps a time slice per task. Tried on this thread, which ends with the kernel's own slice. */
export function keepsTimeSlices(): boolean {
  const own = getAttributes(0)
  own.writeBigUInt64LE(3_000_000n, AT.runtime)
  setAttributes(0, own)
  const kept = getAttributes(0).readBigUInt64LE(AT.runtime) === 3_000_000n
  own.writeBigUInt64LE(0n, AT.runtime)
  setAttributes(0, own)
  return kept
}

/** Gives one thread the lowest real-time standing, which neither its children nor threads born of it inherit. */
export function makeRealTime(thread: number): void {
  const attributes = getAttributes(thread)
  attributes.writeUInt32LE(CLASS_NUMBER['round-robin'], AT.policy)
  attributes.writeUInt32LE(1, AT.priority)
  attributes.writeBigUInt64LE(0n, AT.runtime)
  attributes.writeBigUInt64LE(RESET_ON_FORK, AT.flags)
  setAttributes(thread, attributes)
}

/**
 * Starts a process without waiting for others to make way for it: Node stands still, with all its turns, until a new
 * process has become its program, and one of ordinary standing was seen to take 18 s for that on a full host. So it
 * inherits the standing of this thread, and loses it once it is its program. `start` starts it in this very call.
 */
export function startPromptly<Child extends { readonly pid?: number | undefined }>(start: () => Child): Child {
  const own = calls === null ? null : getAttributes(0)
  const isOwn = own?.readUInt32LE(AT.policy) === CLASS_NUMBER['round-robin']
  if (own === null || !isOwn || (own.readBigUInt64LE(AT.flags) & RESET_ON_FORK) === 0n) return start()
  const inheriting = Buffer.from(own)
  inheriting.writeBigUInt64LE(0n, AT.flags)
  setAttributes(0, inheriting)
  try {
    const child = start()
    const { pid } = child
    if (pid !== undefined) ifStillThere(() => setThread(pid, { name: 'other', priority: 0, sliceMs: 0 }))
    return child
  } finally {
    setAttributes(0, own)
  }
}

/**
 * Sets all threads of the groups and below; returns what reads back. A thread born meanwhile inherits, or is found in
 * the second pass.
 */
export function setScheduling(layout: Layout, paths: readonly string[], to: Setting): Setting {
  const wanted = parseScheduling(`${to}`)
  const done = new Set<number>()
  for (let pass = 0; pass < 2; pass += 1) {
    for (const thread of paths.flatMap((path) => threadsOf(layout, path))) {
      if (done.has(thread)) continue
      done.add(thread)
      ifStillThere(() => setThread(thread, wanted))
    }
  }
  return readScheduling(layout, paths) ?? to
}

/** `class:priority:sliceMs` of all threads; null where they differ or there is none, as that cannot be remembered. */
export function readScheduling(layout: Layout, paths: readonly string[]): string | null {
  const kernelsOwnNs = getAttributes(0).readBigUInt64LE(AT.runtime)
  let common: string | null = null
  for (const thread of paths.flatMap((path) => threadsOf(layout, path))) {
    const attributes = ifStillThere(() => getAttributes(thread))
    if (attributes === null) continue
    const text = describe(attributes, kernelsOwnNs)
    if (common !== null && common !== text) return null
    common = text
  }
  return common
}

function describe(attributes: Buffer, kernelsOwnNs: bigint): string {
  const number = attributes.readUInt32LE(AT.policy)
  const name = (Object.keys(CLASS_NUMBER) as ClassName[]).find((one) => CLASS_NUMBER[one] === number) ?? `${number}`
  const runtimeNs = attributes.readBigUInt64LE(AT.runtime)
  const ownSlice = hasSlice(name) && runtimeNs !== kernelsOwnNs
  return `${name}:${attributes.readUInt32LE(AT.priority)}:${ownSlice ? Number(runtimeNs) / 1e6 : 0}`
}

function hasSlice(name: string): boolean {
  return name === 'other' || name === 'batch'
}

interface Wanted {
  readonly name: ClassName
  readonly priority: number
  /** 0 stands for the kernel's own. */
  readonly sliceMs: number
}

function parseScheduling(text: string): Wanted {
  const [name, priority, sliceMs] = text.split(':')
  if (!((name ?? '') in CLASS_NUMBER)) {
    throw Object.assign(new Error(`the class ${name} is none of ${Object.keys(CLASS_NUMBER).join(', ')}`), {
      code: 'EINVAL',
    })
  }
  return { name: name as ClassName, priority: Number(priority), sliceMs: Number(sliceMs) }
}

function setThread(thread: number, { name, priority, sliceMs }: Wanted): void {
  const attributes = getAttributes(thread)
  attributes.writeUInt32LE(CLASS_NUMBER[name], AT.policy)
  attributes.writeUInt32LE(priority, AT.priority)
  attributes.writeBigUInt64LE(hasSlice(name) ? BigInt(Math.round(sliceMs * 1e6)) : 0n, AT.runtime)
  setAttributes(thread, attributes)
}

function getAttributes(thread: number): Buffer {
  const { syscall, get } = opened()
  const attributes = Buffer.alloc(SIZE)
  if (syscall(get, thread, attributes, SIZE, 0) < 0) throw failure('sched_getattr', thread)
  return attributes
}

function setAttributes(thread: number, attributes: Buffer): void {
  const { syscall, set } = opened()
  attributes.writeUInt32LE(SIZE, AT.size)
  // Utilization clamps and the like are left as they are: only this flag describes what is set here.
  attributes.writeBigUInt64LE(attributes.readBigUInt64LE(AT.flags) & RESET_ON_FORK, AT.flags)
  if (syscall(set, thread, attributes, 0, 0) < 0) throw failure('sched_setattr', thread)
}

function opened(): Calls {
  if (calls === null) throw Object.assign(new Error('scheduling of threads cannot be set here'), { code: 'ENOSYS' })
  return calls
}

function failure(call: string, thread: number): Error {
  const { errno, codes } = opened()
  const code = codes.get(errno()) ?? `E${errno()}`
  const groups =
    code === 'EPERM' ? ' (a real-time class needs cpu.rt_runtime_us in its group where the kernel has it)' : ''
  return Object.assign(new Error(`${call} on thread ${thread} gave ${code}${groups}`), { code })
}

function ifStillThere<T>(act: () => T): T | null {
  try {
    return act()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return null
    throw error
  }
}

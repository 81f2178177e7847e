import { arch } from 'node:os'

/** Scheduling attributes of single threads, by `sched_setattr` and `sched_getattr`, which Node does not offer. */

const CALL_NUMBERS: Readonly<Record<string, { set: number; get: number }>> = {
  x64: { set: 314, get: 315 },
  arm64: { set: 274, get: 275 },
}

/** Layout of `struct sched_attr`, version 1 of it: offsets in bytes. */
export const AT = { size: 0, policy: 4, flags: 8, nice: 16, priority: 20, runtime: 24 } as const
const SIZE = 48
const RESET_ON_FORK = 1n
/** Of <linux/sched.h>. */
export const CLASS_NUMBER = { other: 0, fifo: 1, 'round-robin': 2, batch: 3, idle: 5 } as const

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

/** Of this thread where it is 0. @throws with the code ESRCH where there is no such thread. */
export function getAttributes(thread: number): Buffer {
  const { syscall, get } = opened()
  const attributes = Buffer.alloc(SIZE)
  if (syscall(get, thread, attributes, SIZE, 0) < 0) throw failure('sched_getattr', thread)
  return attributes
}

/** @throws as `getAttributes`, and with EPERM where that class may not be had. */
export function setAttributes(thread: number, attributes: Buffer): void {
  const { syscall, set } = opened()
  attributes.writeUInt32LE(SIZE, AT.size)
  // Utilization clamps and the like are left as they are: only this flag describes what is set here.
  attributes.writeBigUInt64LE(attributes.readBigUInt64LE(AT.flags) & RESET_ON_FORK, AT.flags)
  if (syscall(set, thread, attributes, 0, 0) < 0) throw failure('sched_setattr', thread)
}

/** Gives one thread the lowest real-time standing, which neither its children nor threads born of it inherit. */
export function makeRealTime(thread: number): void {
  setClass(thread, 'round-robin', 1, RESET_ON_FORK)
}

/** Takes a real-time standing from a process that has just begun. */
export function makeOrdinary(process: number): void {
  ifStillThere(() => setClass(process, 'other', 0, 0n))
}

function setClass(thread: number, name: keyof typeof CLASS_NUMBER, priority: number, flags: bigint): void {
  const attributes = getAttributes(thread)
  attributes.writeUInt32LE(CLASS_NUMBER[name], AT.policy)
  attributes.writeUInt32LE(priority, AT.priority)
  attributes.writeBigUInt64LE(0n, AT.runtime)
  attributes.writeBigUInt64LE(flags, AT.flags)
  setAttributes(thread, attributes)
}

/** True where this thread goes before all others of ordinary standing. False also where that cannot be known. */
export function isRealTime(): boolean {
  return calls !== null && getAttributes(0).readUInt32LE(AT.policy) === CLASS_NUMBER['round-robin']
}

/** What `start` starts, in this very call, inherits the real-time standing of this thread where it has one and may. */
export function inheriting<Result>(start: () => Result): Result {
  if (!isRealTime()) return start()
  const own = getAttributes(0)
  const inherited = Buffer.from(own)
  inherited.writeBigUInt64LE(0n, AT.flags)
  try {
    setAttributes(0, inherited)
  } catch (error) {
    // A real-time standing may be had without the right to hand it on.
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return start()
    throw error
  }
  try {
    return start()
  } finally {
    setAttributes(0, own)
  }
}

/** null where the thread or process of `act` is gone. */
export function ifStillThere<T>(act: () => T): T | null {
  try {
    return act()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return null
    throw error
  }
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

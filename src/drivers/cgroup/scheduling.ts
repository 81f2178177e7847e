import type { Setting } from '#core/model/observation.ts'
import type { SchedulingPolicy } from '#core/model/policy.ts'
import { AT, CLASS_NUMBER, getAttributes, ifStillThere, setAttributes } from '#processes/sched-attributes.ts'
import type { Layout } from './layout.ts'
import { threadsOf } from './members.ts'

/**
 * Scheduling class, real-time priority and time slice of all threads of a domain. The time slice of the classes `other`
 * and `batch` is their `sched_runtime` since Linux 6.12 (EEVDF); the nice value stays as it is.
 */

type ClassName = SchedulingPolicy['class']

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

import { hash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { runTool, ToolFailed } from '#processes/programs.ts'

/**
 * Limits what a machine receives and what it sends, over all its network interfaces together, by the kernel's traffic
 * control: what passes their ends on the host (taps) is led through a device (ifb) that lets no more through, and
 * delays the rest. The taps' own queues stay as they are. libvirt's own limits are not used, as they need more of the
 * kernel, leave remains where that is missing, and drop what a machine sends instead of delaying it.
 */

/** As the machine sees it: what it receives, what it sends. */
export type Way = 'rx' | 'tx'
/** Where that passes a tap, which is the other end. */
const HOOK = { rx: 'egress', tx: 'ingress' } as const

/** The ends of a machine's interfaces on the host. */
export interface Taps {
  readonly uuid: string
  /** A thread of its QEMU, in whose network namespace they are. */
  readonly task: number
  readonly names: readonly string[]
}

/** Bytes per second; null for no limit. */
export type NetLimits = Readonly<Record<Way, number | null>>

/** What `tc -j qdisc show` tells of one device. */
interface Qdisc {
  readonly kind: string
  readonly dev: string
  readonly options?: { readonly rate?: number }
}

interface Filter {
  readonly options?: { readonly actions?: readonly { readonly to_dev?: string }[] }
}

/** Behind the filters of others. */
const PREFERENCE = '60000'
/** Bytes let through at once: more than the largest packet that a guest hands over for the host to cut. */
const LEAST_BURST = 128 * 1024
const LATENCY = '100ms'
/** Of a command, in milliseconds. */
const TIMEOUT_MS = 5000

/** The device through which a machine is led: the kernel has room for 15 characters, and UUIDs may begin alike. */
const deviceOf = (uuid: string, way: Way): string => `${way}-${hash('sha256', uuid).slice(0, 12)}`

/** Those interfaces of a machine that are taps of its QEMU; others have their other end elsewhere. */
export function tapsOf(task: number): ReadonlySet<string> {
  const names = readdirSync(`/proc/${task}/fdinfo`).map((fd) => tapOf(`/proc/${task}/fdinfo/${fd}`))
  return new Set(names.filter((name) => name !== ''))
}

/** Empty for any other file, and for one that was closed meanwhile. */
function tapOf(path: string): string {
  try {
    return /^iff:\t(\S+)$/m.exec(readFileSync(path, 'latin1'))?.[1] ?? ''
  } catch {
    return ''
  }
}

/** What the kernel queues with in the network namespace of a task. */
export type QueueReader = (task: number) => Promise<readonly Qdisc[]>

/** Reads each namespace once for all the machines in it. */
export function queueReader(): QueueReader {
  const known = new Map<string, Promise<readonly Qdisc[]>>()
  return (task) => {
    const namespace = readlinkSync(`/proc/${task}/ns/net`)
    const queues = known.get(namespace) ?? json<Qdisc>(task, 'tc', '-j', 'qdisc', 'show')
    known.set(namespace, queues)
    return queues
  }
}

/** null where somebody has put a queue in the place that this needs. */
export async function readNetLimits(taps: Taps, queues: readonly Qdisc[]): Promise<NetLimits | null> {
  const isOn = (kind: string) => (tap: string) => queues.some(({ dev, kind: its }) => dev === tap && its === kind)
  if (taps.names.some(isOn('ingress'))) return null
  const isHooked = taps.names.every(isOn('clsact'))
  const limit = async (way: Way): Promise<number | null> => {
    const device = deviceOf(taps.uuid, way)
    const rate = queues.find(({ dev, kind }) => dev === device && kind === 'tbf')?.options?.rate
    if (rate === undefined || !isHooked) return null
    for (const tap of taps.names) if (!(await isLedThrough(taps.task, tap, way, device))) return null
    return rate
  }
  return { rx: await limit('rx'), tx: await limit('tx') }
}

/** @throws with what the kernel or its tools said; then nothing of the limit is left. */
export async function setNetLimit(taps: Taps, way: Way, to: number | null): Promise<void> {
  const { task, names } = taps
  const device = deviceOf(taps.uuid, way)
  if (to === null) return removeLimit(taps, way)
  const isThere = (await Promise.all(names.map((tap) => isLedThrough(task, tap, way, device)))).every(Boolean)
  if (isThere) return shape(task, device, to)
  // Of an earlier time, when the machine had other taps.
  await removeLimit(taps, way)
  try {
    await inNamespace(task, 'ip', 'link', 'add', device, 'type', 'ifb')
    await inNamespace(task, 'ip', 'link', 'set', device, 'up')
    await shape(task, device, to)
    for (const tap of names) await lead(task, tap, way, device)
  } catch (error) {
    await removeLimit(taps, way)
    throw error
  }
}

async function shape(task: number, device: string, rate: number): Promise<void> {
  const burst = Math.max(LEAST_BURST, Math.ceil(rate / 100))
  const limit = ['rate', `${Math.round(rate)}bps`, 'burst', `${burst}b`, 'latency', LATENCY]
  await inNamespace(task, 'tc', 'qdisc', 'replace', 'dev', device, 'root', 'tbf', ...limit)
}

async function lead(task: number, tap: string, way: Way, device: string): Promise<void> {
  await inNamespace(task, 'tc', 'qdisc', 'replace', 'dev', tap, 'clsact')
  const all = ['protocol', 'all', 'u32', 'match', 'u32', '0', '0']
  const away = ['action', 'mirred', 'egress', 'redirect', 'dev', device]
  await inNamespace(task, 'tc', 'filter', 'add', 'dev', tap, HOOK[way], 'pref', PREFERENCE, ...all, ...away)
}

/** Whether all that passes the tap this way goes to the device. */
async function isLedThrough(task: number, tap: string, way: Way, device: string): Promise<boolean> {
  const filters = await json<Filter>(task, 'tc', '-j', 'filter', 'show', 'dev', tap, HOOK[way])
  return filters.some(({ options }) => options?.actions?.some(({ to_dev }) => to_dev === device))
}

/** What is not there need not be removed. */
async function removeLimit({ uuid, task, names }: Taps, way: Way): Promise<void> {
  for (const tap of names) {
    await inNamespace(task, 'tc', 'filter', 'del', 'dev', tap, HOOK[way], 'pref', PREFERENCE).catch(() => {})
    const left = Object.values(HOOK).map((hook) => json(task, 'tc', '-j', 'filter', 'show', 'dev', tap, hook))
    if ((await Promise.all(left)).some((filters) => filters.length > 0)) continue
    await inNamespace(task, 'tc', 'qdisc', 'del', 'dev', tap, 'clsact').catch(() => {})
  }
  await inNamespace(task, 'ip', 'link', 'del', deviceOf(uuid, way)).catch(() => {})
}

async function json<Entry>(task: number, ...command: readonly string[]): Promise<readonly Entry[]> {
  return JSON.parse((await inNamespace(task, ...command)) || '[]') as Entry[]
}

/** Runs a program of this host with the network of QEMU, and no shell. @throws with what it said where it failed. */
async function inNamespace(task: number, ...command: readonly string[]): Promise<string> {
  try {
    return (await runTool(['nsenter', `--net=/proc/${task}/ns/net`, ...command], { timeoutMs: TIMEOUT_MS })).trim()
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException
    const stderr = error instanceof ToolFailed ? error.stderr : ''
    const lacks = code === 'ENOENT' || stderr.includes('failed to execute')
    const remedy = lacks ? '; install util-linux and iproute2' : ''
    throw new Error(`${command.join(' ')}: ${stderr || message}${remedy}`, { cause: error })
  }
}

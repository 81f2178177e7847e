import { execFile } from 'node:child_process'
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Capability } from '#ports.ts'
import { isGone } from './kept-file.ts'
import { dirIn, type Layout } from './layout.ts'

/**
 * Packets and bytes per domain. A domain in a network namespace of its own has its interfaces' counters; those that
 * share Reeve's are told apart by nftables, which finds the group (of version 2, on a hybrid host the one for
 * counting) of each packet's socket. Loopback counts on both sides.
 */
export interface PacketCounts {
  readonly rxPackets: number
  readonly rxBytes: number
  readonly txPackets: number
  readonly txBytes: number
}

export interface PacketCounter {
  readonly capability: Capability
  /** Counts for these groups from now on, and reads what was counted so far. */
  renew(paths: readonly string[]): Promise<void>
  of(path: string): PacketCounts | undefined
  /** Takes the table away. */
  close(): Promise<void>
}

const run = promisify(execFile)
const PATIENCE_MS = 2000
/** Where `nft` looks for the groups that it is given by path. */
const NFT_BASE = '/sys/fs/cgroup/'

/** Name of the table that counts for a root; nobody else's rules are in it, and it decides about no packet. */
export function tableOf(layout: Layout): string {
  return `reeve_${layout.rootPath.slice(layout.base.home.length + 1).replace(/\W/g, '_')}`
}

/** Starts with an empty table, also where an earlier run left one. */
export async function openPacketCounter(layout: Layout): Promise<PacketCounter> {
  const { counting } = layout
  if (counting === null || !`${counting.mount}/`.startsWith(NFT_BASE)) {
    return unavailable('no cgroup2 tree is mounted below /sys/fs/cgroup', 'mount one at /sys/fs/cgroup/unified')
  }
  const table = tableOf(layout)
  try {
    await nft(`add table inet ${table}\ndelete table inet ${table}\n${frame(table, 1)}`)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'nft is not installed' : firstLine(error)
    return unavailable(why, 'install nftables on a kernel with nft_socket, and run as root')
  }
  const known = new Map<string, string>()
  let counts = new Map<string, PacketCounts>()
  return {
    capability: { name: 'packets', available: true, detail: `nftables table inet ${table}` },
    async renew(paths) {
      try {
        const added = paths.flatMap((path) => elementFor(layout, path) ?? [])
        const fresh = added.filter(({ path, element }) => known.get(path) !== element)
        if (fresh.length > 0) await nft(fresh.map(({ element, level }) => addition(table, level, element)).join(''))
        for (const { path, element } of fresh) known.set(path, element)
        counts = await readCounts(table, added)
      } catch {
        // Somebody flushed the rules, or nft failed: there are no counts this time, and all is set up anew next time.
        known.clear()
        counts = new Map()
      }
    },
    of: (path) => counts.get(path),
    async close() {
      await nft(`add table inet ${table}\ndelete table inet ${table}`).catch(() => {})
    },
  }
}

function unavailable(reason: string, remedy: string): PacketCounter {
  return {
    capability: { name: 'packets', available: false, reason, remedy },
    renew: async () => {},
    of: () => undefined,
    close: async () => {},
  }
}

interface Element {
  readonly path: string
  /** Path as nft has it. */
  readonly element: string
  /** How deep it lies in its tree: the level at which a socket's group is compared. */
  readonly level: number
}

function elementFor(layout: Layout, path: string): Element | null {
  const tree = layout.counting as NonNullable<Layout['counting']>
  const dir = dirIn(layout, tree, path)
  // Text that could end nft's quotation is nobody's honest name.
  if (!existsSync(dir) || /["\\\n]/.test(dir)) return null
  return { path, element: dir.slice(NFT_BASE.length), level: dir.slice(tree.mount.length).split('/').length - 1 }
}

/** Sets and chains for one level. Adding what is there already changes nothing, except that rules would double. */
function frame(table: string, level: number): string {
  return ['rx:input', 'tx:output']
    .map((both) => {
      const [name, hook] = both.split(':')
      return [
        `add table inet ${table}`,
        `add set inet ${table} ${name}${level} { type cgroupsv2; counter; }`,
        `add chain inet ${table} ${name}${level} { type filter hook ${hook} priority -300; }`,
        `flush chain inet ${table} ${name}${level}`,
        `add rule inet ${table} ${name}${level} socket cgroupv2 level ${level} @${name}${level}`,
        '',
      ].join('\n')
    })
    .join('')
}

/** One lookup per packet and level, however many groups there are. */
function addition(table: string, level: number, element: string): string {
  const sets = ['rx', 'tx'].map((name) => `add element inet ${table} ${name}${level} { "${element}" }\n`)
  return frame(table, level) + sets.join('')
}

interface ListedSet {
  readonly name: string
  readonly elem?: readonly { readonly elem: { readonly val: string; readonly counter: Counter } }[]
}
interface Counter {
  readonly packets: number
  readonly bytes: number
}

async function readCounts(table: string, elements: readonly Element[]): Promise<Map<string, PacketCounts>> {
  const { stdout } = await run('nft', ['-j', 'list', 'table', 'inet', table], {
    timeout: PATIENCE_MS,
    maxBuffer: 2 ** 26,
  })
  const listed = (JSON.parse(stdout) as { nftables: readonly { set?: ListedSet }[] }).nftables
  const counters = new Map<string, Counter>()
  for (const { set } of listed) {
    for (const { elem } of set?.elem ?? []) counters.set(`${set?.name} ${elem.val}`, elem.counter)
  }
  const counts = new Map<string, PacketCounts>()
  for (const { path, element, level } of elements) {
    const rx = counters.get(`rx${level} ${element}`)
    const tx = counters.get(`tx${level} ${element}`)
    if (rx === undefined || tx === undefined) continue
    counts.set(path, { rxPackets: rx.packets, rxBytes: rx.bytes, txPackets: tx.packets, txBytes: tx.bytes })
  }
  return counts
}

function nft(script: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile('nft', ['-f', '-'], { timeout: PATIENCE_MS }, (error) => (error ? reject(error) : resolve()))
    child.stdin?.on('error', () => {})
    child.stdin?.end(script)
  })
}

function firstLine(error: unknown): string {
  const said = (error as { stderr?: string }).stderr || (error as Error).message
  return said.split('\n').find((line) => line.includes('rror')) ?? said
}

const ownNamespace = readlinkSync('/proc/self/ns/net')

/** Sum over the interfaces, loopback left out, of a process in another network namespace; null in Reeve's own. */
export function namespaceCounts(pid: number): PacketCounts | null {
  try {
    if (readlinkSync(`/proc/${pid}/ns/net`) === ownNamespace) return null
    return sumOfInterfaces(readFileSync(`/proc/${pid}/net/dev`, 'latin1'))
  } catch (error) {
    if (isGone(error) || (error as NodeJS.ErrnoException).code === 'EACCES') return null
    throw error
  }
}

/** `  eth0: bytes packets errs drop fifo frame compressed multicast bytes packets ...`: received first, then sent. */
export function sumOfInterfaces(text: string): PacketCounts {
  const sum = { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0 }
  for (const [, name, numbers] of text.matchAll(/^\s*([^\s:]+):(.*)$/gm)) {
    if (name === 'lo') continue
    const fields = (numbers as string).trim().split(/\s+/).map(Number)
    sum.rxBytes += fields[0] ?? 0
    sum.rxPackets += fields[1] ?? 0
    sum.txBytes += fields[8] ?? 0
    sum.txPackets += fields[9] ?? 0
  }
  return sum
}

import { readFileSync, readlinkSync, statSync } from 'node:fs'
import type { Capability } from '#ports.ts'
import { isGone } from './kept-file.ts'
import { dirIn, type Layout, type Tree } from './layout.ts'
import { monotonicMs } from './monotonic.ts'
import { changeRules, type Listed, listCounters } from './nft.ts'

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
  /** Counts for these groups from now on, and reads what was counted so far, which takes processes that may have to wait. */
  renew(paths: readonly string[]): Promise<void>
  /** When that was last read. */
  readonly readAtMs: number
  of(path: string): PacketCounts | undefined
  /** Takes the table away. */
  close(): Promise<void>
}

/** Where `nft` looks for the groups that it is given by path. */
const NFT_BASE = '/sys/fs/cgroup/'

/** Name of the table that counts for a root; nobody else's rules are in it, and it decides about no packet. */
export function tableOf(layout: Layout): string {
  return `reeve_${layout.rootPath.slice(layout.base.home.length + 1).replace(/\W/g, '_')}`
}

/** Takes the table of a root away, where an earlier run left one. */
export async function removePacketTable(layout: Layout): Promise<void> {
  await changeRules(removal(tableOf(layout))).catch(() => {})
}

const removal = (table: string): string => `add table inet ${table}\ndelete table inet ${table}\n`

/**
 * Only asks whether counting is possible: who looks at a host beside a running daemon must not touch its table. The
 * first `renew` makes the table, empty also where an earlier run left one.
 */
export async function openPacketCounter(layout: Layout): Promise<PacketCounter> {
  const { counting } = layout
  if (counting === null || !`${counting.mount}/`.startsWith(NFT_BASE)) {
    return unavailable('no cgroup2 tree is mounted below /sys/fs/cgroup', 'mount one at /sys/fs/cgroup/unified')
  }
  const table = tableOf(layout)
  const fresh = removal(table) + levelRules(table, 1)
  try {
    await changeRules(fresh, 'check')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'nft is not installed' : firstLine(error)
    return unavailable(why, 'install nftables on a kernel with nft_socket, and run as root')
  }
  const known = new Map<string, Counted>()
  let made = 0
  /** Whether the table is as it should be, and whether there may be one of ours at all. */
  let isMade = false
  let mayBe = false
  let counts = new Map<string, PacketCounts>()
  let readAtMs = 0
  return {
    capability: { name: 'packets', available: true, detail: `nftables table inet ${table}` },
    async renew(paths) {
      try {
        mayBe = true
        if (!isMade) await changeRules(fresh)
        isMade = true
        const added: Counted[] = []
        for (const path of paths) {
          const group = groupToCount(counting, dirIn(layout, counting, path))
          if (group === null || known.get(path)?.inode === group.inode) continue
          made += 1
          const one = { ...group, number: made }
          known.set(path, one)
          added.push(one)
        }
        if (added.length > 0) await changeRules(added.map((one) => countingRules(table, one)).join(''))
        counts = countsByPath(await listCounters(table), paths, known)
        readAtMs = monotonicMs()
      } catch {
        // Somebody flushed the rules, or nft failed: there are no counts this time, and all is set up anew next time.
        isMade = false
        known.clear()
        counts = new Map()
      }
    },
    get readAtMs() {
      return readAtMs
    },
    of: (path) => counts.get(path),
    async close() {
      // Also where the last reading failed, and what it made was never seen.
      if (mayBe) await removePacketTable(layout)
    },
  }
}

function unavailable(reason: string, remedy: string): PacketCounter {
  return {
    capability: { name: 'packets', available: false, reason, remedy },
    renew: async () => {},
    readAtMs: 0,
    of: () => undefined,
    close: async () => {},
  }
}

/** A group whose packets are counted. */
interface Counted {
  readonly inode: number
  /** Path as nft has it. */
  readonly element: string
  /** How deep it lies in its tree: the level at which a socket's group is compared. */
  readonly level: number
  /** Its counters are `rx` and `tx` with this number. */
  readonly number: number
}

function groupToCount(tree: Tree, dir: string): Omit<Counted, 'number'> | null {
  const inode = statSync(dir, { throwIfNoEntry: false })?.ino
  // Text that could end nft's quotation is nobody's honest name.
  if (inode === undefined || /["\\\n]/.test(dir)) return null
  return { inode, element: dir.slice(NFT_BASE.length), level: dir.slice(tree.mount.length).split('/').length - 1 }
}

const DIRECTIONS = [
  ['rx', 'input'],
  ['tx', 'output'],
] as const

/**
 * From group to counter by a map: one lookup per packet and level, however many groups there are. What is there
 * already stays as it is, but for the rule, which would double.
 */
function levelRules(table: string, level: number): string {
  return DIRECTIONS.map(
    ([name, hook]) => `add table inet ${table}
add map inet ${table} ${name}${level} { type cgroupsv2 : counter; }
add chain inet ${table} ${name}${level} { type filter hook ${hook} priority -300; }
flush chain inet ${table} ${name}${level}
add rule inet ${table} ${name}${level} counter name socket cgroupv2 level ${level} map @${name}${level}
`,
  ).join('')
}

function countingRules(table: string, { element, level, number }: Counted): string {
  const elements = DIRECTIONS.map(
    ([name]) => `add counter inet ${table} ${name}_${number}
add element inet ${table} ${name}${level} { "${element}" : "${name}_${number}" }
`,
  )
  return levelRules(table, level) + elements.join('')
}

function countsByPath(
  listed: readonly Listed[],
  paths: readonly string[],
  known: ReadonlyMap<string, Counted>,
): Map<string, PacketCounts> {
  const counters = new Map(listed.flatMap(({ counter }) => (counter === undefined ? [] : [[counter.name, counter]])))
  const counts = new Map<string, PacketCounts>()
  for (const path of paths) {
    const number = known.get(path)?.number
    const rx = counters.get(`rx_${number}`)
    const tx = counters.get(`tx_${number}`)
    if (rx === undefined || tx === undefined) continue
    counts.set(path, { rxPackets: rx.packets, rxBytes: rx.bytes, txPackets: tx.packets, txBytes: tx.bytes })
  }
  return counts
}

function firstLine(error: unknown): string {
  const said = (error as { stderr?: string }).stderr || (error as Error).message
  return said.split('\n').find((line) => line.includes('rror')) ?? said
}

const ownNamespace = readlinkSync('/proc/self/ns/net')

/** Reads the interfaces of a domain whose processes are in a network namespace of their own. */
export interface NamespaceReader {
  /** Sum over the interfaces as a process sees them, loopback left out; undefined in Reeve's own namespace. */
  read(pid: number): PacketCounts | undefined
}

export function namespaceReader(): NamespaceReader {
  let sharing = 0
  return {
    read(pid) {
      // Processes hardly ever change their namespace: one that shared it is not asked again.
      if (pid === 0 || pid === sharing) return undefined
      try {
        if (readlinkSync(`/proc/${pid}/ns/net`) !== ownNamespace) {
          return sumOfInterfaces(readFileSync(`/proc/${pid}/net/dev`, 'latin1'))
        }
        sharing = pid
      } catch (error) {
        if (!isGone(error) && (error as NodeJS.ErrnoException).code !== 'EACCES') throw error
      }
      return undefined
    },
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

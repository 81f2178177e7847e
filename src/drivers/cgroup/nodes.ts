import { readFileSync } from 'node:fs'
import type { NodeId } from '#core/model/ids.ts'
import type { SchedulingNode } from '#core/model/observation.ts'
import { childrenOf, isPopulated, placesTo, processesIn } from './groups.ts'
import { isGone } from './kept-file.ts'
import { DEFAULT_WEIGHT, WEIGHT_RANGE } from './knobs.ts'
import { baseDir, type Layout, parentPath } from './layout.ts'

/** The scheduling hierarchy above and at the domains: who competes with whom, and with which weight. */
export interface Nodes {
  /** Every place from the top down to each of the paths, parents first; siblings are looked for anew on a renewal. */
  observe(paths: readonly string[], renew: boolean): readonly SchedulingNode[]
  /** After Reeve has set the weight of one. */
  changed(path: string): void
}

/** The top of the tree, as the model names it. */
const TOP = '/' as NodeId

/** What the driver knows already and need not be read again here. */
export interface Known {
  /** How many CPUs may be used. */
  cpus(): number
  /** The weight of a domain's own group; undefined for any other. */
  weight(path: string): number | undefined
}

export function nodesOf(layout: Layout, known: Known): Nodes {
  let of: readonly string[] = []
  let nodes: readonly SchedulingNode[] = []
  const stale = new Set<string>()
  return {
    observe(paths, renew) {
      if (renew || paths.length !== of.length || paths.some((path, index) => path !== of[index])) {
        of = [...paths]
        nodes = listNodes(layout, paths, known)
      } else if (stale.size > 0) {
        const weight = (path: string) => known.weight(path) ?? weightOf(layout, path)
        nodes = nodes.map((node) => (stale.has(node.id) ? { ...node, weight: weight(node.id) } : node))
      }
      stale.clear()
      return nodes
    },
    changed(path) {
      stale.add(path)
    },
  }
}

function listNodes(layout: Layout, paths: readonly string[], known: Known): SchedulingNode[] {
  const onPath = new Set(paths.flatMap(placesTo))
  const inner = new Set([...onPath].map(parentPath))
  const range = WEIGHT_RANGE[layout.version]
  const sorted = [...onPath].sort((a, b) => a.split('/').length - b.split('/').length)
  return sorted.map((path) => ({
    id: path === '' ? TOP : (path as NodeId),
    parent: path === '' ? null : ((parentPath(path) || TOP) as NodeId),
    driver: 'cgroup',
    weight: path === '' ? DEFAULT_WEIGHT[layout.version] : (known.weight(path) ?? weightOf(layout, path)),
    weightRange: range,
    unmanagedWeight: path === '' || inner.has(path) ? unmanagedIn(layout, path, onPath, known.cpus()) : 0,
  }))
}

/**
 * Groups beside the path count with their own weight, unless nothing runs in them. Processes directly in the place
 * compete one by one, each like a group of the default weight, but no more of them run at once than there are CPUs:
 * they count as one default weight per CPU.
 */
function unmanagedIn(layout: Layout, path: string, onPath: ReadonlySet<string>, cpus: number): number {
  let sum = 0
  for (const name of childrenOf(baseDir(layout, path))) {
    const child = `${path}/${name}`
    if (!onPath.has(child) && isPopulated(layout, child)) sum += weightOf(layout, child)
  }
  const direct = processesIn(baseDir(layout, path)).some(isProgram)
  return direct ? sum + cpus * DEFAULT_WEIGHT[layout.version] : sum
}

const KERNEL_THREAD = 0x0020_0000

/** False for threads of the kernel, which sit at the top of every host and hardly ever compete. */
function isProgram(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const flags = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[6])
    return (flags & KERNEL_THREAD) === 0
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

/** The default where version 2 does not hand the controller down to it. */
function weightOf(layout: Layout, path: string): number {
  const file = layout.version === 1 ? 'cpu.shares' : 'cpu.weight'
  try {
    return Number(readFileSync(`${baseDir(layout, path)}/${file}`, 'latin1'))
  } catch (error) {
    if (isGone(error)) return DEFAULT_WEIGHT[layout.version]
    throw error
  }
}

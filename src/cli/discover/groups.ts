import { childrenOf, processesIn } from '#drivers/cgroup/groups.ts'
import { baseDir, isOwn, type Layout } from '#drivers/cgroup/layout.ts'
import { OF_LIBVIRT } from '#drivers/libvirt/processes.ts'
import type { FoundGroup } from './found.ts'
import type { Names } from './names.ts'

/** Deeper groups belong to whoever made the ones above. */
const DEPTH_MOST = 5
const CANDIDATES_MOST = 300
const CONTAINER = /(?:^|\/)(?:docker|libpod|crio|cri-containerd|lxc|lxc\.payload)[-./]([\w.-]+?)(?:\.scope)?$/
export type Candidate = Pick<FoundGroup, 'name' | 'path' | 'kind'>

/**
 * Services and containers whole, and other groups where processes are directly in them; never Reeve's own. Groups of
 * libvirt's machines stand apart: it tells of them itself, and would undo what is set in them.
 */
export function groupsIn(layout: Layout, names: Names): { candidates: Candidate[]; machines: string[] } {
  const candidates: Candidate[] = []
  const machines = machineGroups(layout)
  const holdsMachine = (path: string) => machines.some((its) => its.startsWith(`${path}/`))
  function add(path: string, kind: Candidate['kind'], wanted: string): void {
    candidates.push({ name: names.make(wanted, 'group'), path, kind })
  }
  function walk(path: string, depth: number): void {
    if (candidates.length >= CANDIDATES_MOST || isOwn(layout, path) || machines.includes(path)) return
    const last = lastOf(path)
    const container = CONTAINER.exec(path)?.[1]
    if (path === '' || last === 'init.scope' || holdsMachine(path)) walkBelow(path, depth)
    else if (container !== undefined) add(path, 'container', container.slice(0, 12))
    else if (last.endsWith('.service')) add(path, 'service', last.slice(0, -'.service'.length))
    else if (processesIn(baseDir(layout, path)).length > 0) add(path, 'group', last)
    else walkBelow(path, depth)
  }
  function walkBelow(path: string, depth: number): void {
    if (depth >= DEPTH_MOST) return
    for (const child of childrenOf(baseDir(layout, path))) walk(`${path}/${child}`, depth + 1)
  }
  walk('', 0)
  return { candidates, machines }
}

/** Those of all machines, whoever started them: a group that holds one is not to be set either. */
function machineGroups(layout: Layout): string[] {
  const found: string[] = []
  function walk(path: string, depth: number): void {
    if (OF_LIBVIRT.test(path)) found.push(path)
    else if (depth < DEPTH_MOST) {
      for (const child of childrenOf(baseDir(layout, path))) walk(`${path}/${child}`, depth + 1)
    }
  }
  walk('', 0)
  return found
}

export function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

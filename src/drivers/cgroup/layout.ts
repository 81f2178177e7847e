import { existsSync, readFileSync } from 'node:fs'

/**
 * Where the control groups of this host are: which version, where each controller is mounted, and under which place
 * of each tree Reeve may make groups of its own. Found out once at start; everything else asks this file for paths.
 */

/** What a controller is called here, whichever version it has: `io` is blkio in version 1. */
export type Controller = 'cpu' | 'cpuacct' | 'cpuset' | 'memory' | 'io' | 'freezer'

/** One mounted tree. `home` is the path inside it (empty for its top) below which Reeve makes groups. */
export interface Tree {
  readonly mount: string
  readonly home: string
}

export interface Layout {
  readonly version: 1 | 2
  /** The tree whose paths name the nodes: that of the cpu controller. */
  readonly base: Tree
  readonly trees: Readonly<Partial<Record<Controller, Tree>>>
  /** Every distinct tree a domain's tasks are put in, the one for counting included. */
  readonly all: readonly Tree[]
  /** Path, in the base tree, of the group under which created domains live. */
  readonly rootPath: string
  /** A tree of version 2 beside version 1 trees: no controllers, but packets and pressure are counted by it. */
  readonly counting: Tree | null
}

/** Names of the controllers in version 1; version 2 counts and freezes without a controller. */
const NAME_IN_V1: Readonly<Record<Controller, string>> = {
  cpu: 'cpu',
  cpuacct: 'cpuacct',
  cpuset: 'cpuset',
  memory: 'memory',
  io: 'blkio',
  freezer: 'freezer',
}
const ALWAYS_IN_V2: readonly Controller[] = ['cpuacct', 'freezer']

interface Mount {
  readonly version: 1 | 2
  readonly point: string
  /** Which part of the tree is mounted there. */
  readonly root: string
  readonly options: readonly string[]
}

/** Finds the layout of this host; null where no control group is mounted that could carry a domain. */
export function findLayout(root: string): Layout | null {
  const mounts = parseMounts(readFileSync('/proc/self/mountinfo', 'latin1'))
  const own = parseOwnPaths(readFileSync('/proc/self/cgroup', 'latin1'))
  const first = mounts.filter((mount) => mount.version === 1)
  const unified = mounts.find((mount) => mount.version === 2)
  // A hybrid host has its controllers in version 1 trees; the unified one is kept for counting.
  if (first.some((mount) => mount.options.includes('cpu'))) return layoutOfV1(first, unified, own, root)
  return unified === undefined ? null : layoutOfV2(unified, own, root)
}

function layoutOfV1(mounts: readonly Mount[], unified: Mount | undefined, own: OwnPaths, root: string): Layout {
  const trees: Partial<Record<Controller, Tree>> = {}
  const made = new Map<string, Tree>()
  for (const controller of Object.keys(NAME_IN_V1) as Controller[]) {
    const name = NAME_IN_V1[controller]
    const mount = mounts.find((candidate) => candidate.options.includes(name))
    if (mount === undefined) continue
    const tree = made.get(mount.point) ?? { mount: mount.point, home: homeIn(mount, own.get(name) ?? '/') }
    made.set(mount.point, tree)
    trees[controller] = tree
  }
  const base = trees.cpu as Tree
  const counting = unified === undefined ? null : { mount: unified.point, home: homeIn(unified, own.get('') ?? '/') }
  const all = counting === null ? [...made.values()] : [...made.values(), counting]
  return { version: 1, base, trees, all, rootPath: `${base.home}/${root}`, counting }
}

function layoutOfV2(mount: Mount, own: OwnPaths, root: string): Layout {
  const tree = { mount: mount.point, home: emptyPlaceAbove(mount, homeIn(mount, own.get('') ?? '/')) }
  const offered = readFileSync(`${mount.point}/cgroup.controllers`, 'latin1').trim().split(/\s+/)
  const trees: Partial<Record<Controller, Tree>> = {}
  for (const controller of Object.keys(NAME_IN_V1) as Controller[]) {
    if (ALWAYS_IN_V2.includes(controller) || offered.includes(controller)) trees[controller] = tree
  }
  return { version: 2, base: tree, trees, all: [tree], rootPath: `${tree.home}/${root}`, counting: tree }
}

/**
 * Version 2 gives controllers only to children of a group without processes of its own (the top is exempt), so the
 * place below which Reeve makes groups is the nearest one at or above its own that holds no process. A service with
 * `Delegate=yes` and `DelegateSubgroup=` thereby gets its own delegated group.
 */
function emptyPlaceAbove(mount: Mount, path: string): string {
  let at = path
  while (at !== '' && readFileSync(`${mount.point}${at}/cgroup.procs`, 'latin1') !== '') {
    at = at.slice(0, at.lastIndexOf('/'))
  }
  return at
}

/** True where children of this group of version 2 cannot get controllers: it holds processes and is not the real top. */
export function holdsProcesses(dir: string): boolean {
  return existsSync(`${dir}/cgroup.events`) && readFileSync(`${dir}/cgroup.procs`, 'latin1') !== ''
}

/** Own path as seen below the mount: a mount may show only a part of the tree, as in a container. */
function homeIn(mount: Mount, own: string): string {
  const shown = mount.root === '/' ? own : own.startsWith(mount.root) ? own.slice(mount.root.length) : '/'
  return shown === '/' || shown.startsWith('/..') ? '' : shown
}

/** The group that a process is in, in the tree that names the nodes; null where it is gone or not below the mount. */
export function pathOfProcess(layout: Layout, pid: number | string): string | null {
  try {
    const paths = parseOwnPaths(readFileSync(`/proc/${pid}/cgroup`, 'latin1'))
    const path = paths.get(layout.version === 1 ? 'cpu' : '') ?? null
    return path === '/' ? '' : path
  } catch {
    return null
  }
}

/** Own path by controller; the empty name stands for version 2. */
type OwnPaths = ReadonlyMap<string, string>

/** `4:memory:/a/b` and `0::/` of /proc/self/cgroup. */
export function parseOwnPaths(text: string): OwnPaths {
  const paths = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (names !== undefined && path !== undefined) for (const name of names.split(',')) paths.set(name, path)
  }
  return paths
}

/** `32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu`: optional fields end at the lone hyphen. */
export function parseMounts(text: string): Mount[] {
  const mounts: Mount[] = []
  for (const line of text.split('\n')) {
    const [before, after] = line.split(' - ')
    const [, , , root, point] = before?.split(' ') ?? []
    const [type, , options] = after?.split(' ') ?? []
    if (root === undefined || point === undefined || !(type === 'cgroup' || type === 'cgroup2')) continue
    mounts.push({ version: type === 'cgroup' ? 1 : 2, root, point, options: (options ?? '').split(',') })
  }
  return mounts
}

/** True for the group of Reeve's own and everything below it. */
export function isOwn(layout: Layout, path: string): boolean {
  return path === layout.rootPath || path.startsWith(`${layout.rootPath}/`)
}

/**
 * Directory of a group in one tree. Groups of Reeve's own lie under each tree's home, which may differ from tree to
 * tree; a group that somebody else made is expected at the same path in all of them, or else below the homes, as where
 * whoever made it was confined with Reeve to a part of some trees only.
 */
export function dirIn(layout: Layout, tree: Tree, path: string): string {
  const { home } = layout.base
  const [same, below] = [tree.mount + path, tree.mount + tree.home + path.slice(home.length)]
  if (isOwn(layout, path)) return below
  const isBelow = tree.home !== home && (path === home || path.startsWith(`${home}/`))
  return isBelow && !existsSync(same) && existsSync(below) ? below : same
}

/** Directory of a group in the tree of a controller; null where this host lacks the controller. */
export function dirOf(layout: Layout, controller: Controller, path: string): string | null {
  const tree = layout.trees[controller]
  return tree === undefined ? null : dirIn(layout, tree, path)
}

/** The group's directory in the tree that names the nodes. */
export function baseDir(layout: Layout, path: string): string {
  return dirIn(layout, layout.base, path)
}

/** `/a/b` of `/a/b/c`, and empty for what lies directly under the top. */
export function parentPath(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

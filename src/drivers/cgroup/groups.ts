import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isGone } from './kept-file.ts'
import { baseDir, dirIn, dirOf, type Layout, parentPath, type Tree } from './layout.ts'

/** Makes groups and takes them away again with everything that runs in them. */

/** Controllers that are handed down in version 2, where each level must ask its parent for them. */
const HANDED_DOWN = ['cpu', 'cpuset', 'memory', 'io'] as const

/** Makes the group in every tree, with those above it where missing; what exists stays as it is. */
export function makeGroup(layout: Layout, path: string): void {
  for (const tree of layout.all) mkdirSync(dirIn(layout, tree, path), { recursive: true })
  if (layout.version === 2) handDown(layout, parentPath(path))
  else fillCpusets(layout, path)
}

/**
 * Version 2: gives the children of the group, and of all groups above it, the controllers that this host has. A
 * controller that cannot be given is left out: its knobs then fail when they are used, with the kernel's reason.
 */
export function handDown(layout: Layout, path: string): void {
  for (const place of placesTo(path)) {
    const dir = layout.base.mount + place
    const given = readFileSync(`${dir}/cgroup.subtree_control`, 'latin1').trim().split(/\s+/)
    for (const controller of HANDED_DOWN) {
      if (layout.trees[controller] === undefined || given.includes(controller)) continue
      try {
        writeFileSync(`${dir}/cgroup.subtree_control`, `+${controller}`)
      } catch (error) {
        if (isGone(error)) throw error
      }
    }
  }
}

/** `['', '/a', '/a/b']` of `/a/b`: every place from the top to the path. */
export function placesTo(path: string): string[] {
  const names = path.split('/').slice(1)
  return ['', ...names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)]
}

/** Version 1 gives new groups an empty CPU set, in which nothing may run: they start with their parent's. */
function fillCpusets(layout: Layout, path: string): void {
  for (const place of placesTo(path)) {
    const dir = dirOf(layout, 'cpuset', place)
    if (dir === null || place === '') continue
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (readFileSync(`${dir}/${file}`, 'latin1').trim() !== '') continue
      const above = dirOf(layout, 'cpuset', parentPath(place))
      writeFileSync(`${dir}/${file}`, readFileSync(`${above}/${file}`))
    }
  }
}

/** Puts a process, with all its threads, into the group in every tree. */
export function moveInto(layout: Layout, path: string, pid: number): void {
  for (const tree of layout.all) writeFileSync(`${dirIn(layout, tree, path)}/cgroup.procs`, `${pid}`)
}

/** Processes directly in the group. Empty where the group is gone. */
export function processesIn(dir: string): number[] {
  try {
    return readFileSync(`${dir}/cgroup.procs`, 'latin1').split('\n').filter(Boolean).map(Number)
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}

/** Names of the groups directly inside; empty where the group is gone. */
export function childrenOf(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}

/** True where a process runs in the group or anywhere below it. */
export function isPopulated(layout: Layout, path: string): boolean {
  return populated(baseDir(layout, path), layout.version)
}

function populated(dir: string, version: 1 | 2): boolean {
  if (version === 1) {
    return processesIn(dir).length > 0 || childrenOf(dir).some((name) => populated(`${dir}/${name}`, version))
  }
  try {
    return /^populated 1$/m.test(readFileSync(`${dir}/cgroup.events`, 'latin1'))
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

const PATIENCE_MS = 20_000
const PAUSE_MS = 10

/**
 * Kills whatever runs in the group and below, by membership alone, and removes the groups in every tree. Throws where
 * processes or groups are still there after twenty seconds. Returns how many processes it found.
 */
export async function removeGroup(layout: Layout, path: string): Promise<number> {
  const killed = new Set<number>()
  const deadlineMs = performance.now() + PATIENCE_MS
  for (;;) {
    let left = 0
    for (const tree of layout.all) left += killIn(layout, tree, path, killed)
    const standing = left > 0 ? layout.all : layout.all.filter((tree) => !removeTree(dirIn(layout, tree, path)))
    if (left === 0 && standing.length === 0) return killed.size
    if (performance.now() > deadlineMs) {
      const where = standing.map((tree) => dirIn(layout, tree, path)).join(', ')
      throw new Error(`${where}: still there after ${PATIENCE_MS} ms, with ${left} processes that do not end`)
    }
    await sleep(PAUSE_MS)
  }
}

/** Kills once, deepest groups included; returns how many processes were still there. Never this process. */
function killIn(layout: Layout, tree: Tree, path: string, killed: Set<number>): number {
  const dirs = withDescendants(dirIn(layout, tree, path))
  // Version 1: a frozen process does not even die.
  if (tree === layout.trees.freezer && layout.version === 1) for (const dir of dirs) thaw(dir)
  let found = 0
  for (const dir of dirs) {
    for (const pid of processesIn(dir)) {
      if (pid === process.pid || pid === 0) continue
      found += 1
      killed.add(pid)
      try {
        process.kill(pid, 'SIGKILL')
      } catch (error) {
        if (!isGone(error)) throw error
      }
    }
  }
  return found
}

function thaw(dir: string): void {
  try {
    writeFileSync(`${dir}/freezer.state`, 'THAWED')
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/** The group and all below it, deepest last. */
function withDescendants(dir: string): string[] {
  return [dir, ...childrenOf(dir).flatMap((name) => withDescendants(`${dir}/${name}`))]
}

/** Removes the group, those below it first; false where one is still busy. */
function removeTree(dir: string): boolean {
  for (const at of withDescendants(dir).reverse()) {
    try {
      rmdirSync(at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false
      if (!isGone(error)) throw error
    }
  }
  return true
}

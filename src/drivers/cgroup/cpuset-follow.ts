import { writeFileSync } from 'node:fs'
import type { Setting } from '#core/model/observation.ts'
import { isGone, KeptFile } from './kept-file.ts'
import { dirOf, isOwn, type Layout, parentPath } from './layout.ts'

/**
 * Version 2 lets a group without a CPU set of its own have whatever its parent has, also when CPUs go and come back.
 * Version 1 copies the set once: a CPU that was lost never comes back by itself. This makes groups of Reeve's own
 * behave alike in both: one that had its parent's set, and was not given another, follows when the parent's changes.
 */
export interface CpusetFollower {
  /** The groups to look after; those above them up to Reeve's own root are included. */
  follow(paths: readonly string[]): void
  /** After Reeve has given a group a set, or taken it back (empty or null). */
  given(path: string, value: Setting): void
  /** Reads the parents' sets; returns the groups whose set it changed. */
  turn(): readonly string[]
  close(): void
}

interface Parent {
  readonly file: KeptFile
  readonly children: readonly string[]
  last: string
}

const NOTHING: readonly string[] = []

export function cpusetFollower(layout: Layout): CpusetFollower {
  const pinned = new Set<string>()
  let parents: readonly Parent[] = []
  const close = () => {
    for (const { file } of parents) file.close()
  }
  return {
    follow(paths) {
      close()
      const children = new Set(paths.flatMap((path) => ownPlaces(layout, path)))
      parents = layout.version === 2 ? [] : parentsOf(layout, children)
    },
    given(path, value) {
      if (value === null || value === '') pinned.delete(path)
      else pinned.add(path)
    },
    turn() {
      let changed = NOTHING
      for (const parent of parents) {
        const now = parent.file.text()?.trim() ?? ''
        if (now === parent.last || now === '') continue
        const before = parent.last
        parent.last = now
        const following = parent.children.filter(
          (child) => !pinned.has(child) && replaceSet(layout, child, before, now),
        )
        changed = [...changed, ...following]
      }
      return changed
    },
    close,
  }
}

/** The group and those above it that are Reeve's own. */
function ownPlaces(layout: Layout, path: string): string[] {
  return isOwn(layout, path) ? [...ownPlaces(layout, parentPath(path)), path] : []
}

/** Parents before those inside them, so that one pass carries a change all the way down. */
function parentsOf(layout: Layout, children: ReadonlySet<string>): Parent[] {
  const byParent = Map.groupBy(children, parentPath)
  return [...byParent]
    .sort(([a], [b]) => a.length - b.length)
    .flatMap(([path, inside]) => {
      const dir = dirOf(layout, 'cpuset', path)
      if (dir === null) return []
      const file = new KeptFile(`${dir}/cpuset.cpus`)
      return [{ file, children: inside, last: file.text()?.trim() ?? '' }]
    })
}

/** False where the group has a set of its own, is gone, or may not have the new one. */
function replaceSet(layout: Layout, path: string, before: string, now: string): boolean {
  const file = new KeptFile(`${dirOf(layout, 'cpuset', path)}/cpuset.cpus`)
  try {
    if (file.text()?.trim() !== before) return false
    writeFileSync(file.path, now)
    return true
  } catch (error) {
    // A narrower set, or one that groups below do not fit in, is somebody's own doing: it shows in the observation.
    if (isGone(error) || REFUSED.has((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  } finally {
    file.close()
  }
}

const REFUSED = new Set(['EACCES', 'EBUSY', 'EINVAL', 'ENOSPC', 'EPERM', 'EROFS'])

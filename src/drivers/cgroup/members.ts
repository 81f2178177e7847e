import { readFileSync, statSync } from 'node:fs'
import { childrenOf } from './groups.ts'
import { isGone, KeptFile } from './kept-file.ts'
import { baseDir, type Layout } from './layout.ts'

/** Who is in a group and below it, asked for again and again. */
export interface Members {
  /** Ids of the threads. */
  threads(): number[]
  /** True where there is at least one. */
  some(): boolean
  close(): void
}

/** A directory of this many links holds no other directory: its own name and its `.`. */
const LINKS_WITHOUT_CHILDREN = 2

export function membersOf(layout: Layout, path: string): Members {
  const dir = baseDir(layout, path)
  const list = new KeptFile(`${dir}/${threadList(layout)}`)
  const events = new KeptFile(`${dir}/cgroup.events`)
  const below = (): number[] => {
    const links = statSync(dir, { throwIfNoEntry: false })?.nlink ?? LINKS_WITHOUT_CHILDREN
    if (links <= LINKS_WITHOUT_CHILDREN) return []
    return childrenOf(dir).flatMap((name) => threadsBelow(`${dir}/${name}`, threadList(layout)))
  }
  return {
    threads: () => [...ids(list.text() ?? ''), ...below()],
    some() {
      if (layout.version === 2) return /^populated 1$/m.test(events.text() ?? '')
      return list.number() !== null || below().length > 0
    },
    close() {
      list.close()
      events.close()
    },
  }
}

/** Threads in the group and below it, read once. */
export function threadsOf(layout: Layout, path: string): number[] {
  return threadsBelow(baseDir(layout, path), threadList(layout))
}

function threadList(layout: Layout): string {
  return layout.version === 1 ? 'tasks' : 'cgroup.threads'
}

function threadsBelow(dir: string, file: string): number[] {
  let own = ''
  try {
    own = readFileSync(`${dir}/${file}`, 'latin1')
  } catch (error) {
    // A threaded group of version 2 refuses to show its list here.
    if (!isGone(error) && (error as NodeJS.ErrnoException).code !== 'EOPNOTSUPP') throw error
  }
  return [...ids(own), ...childrenOf(dir).flatMap((name) => threadsBelow(`${dir}/${name}`, file))]
}

function ids(text: string): number[] {
  return text.split('\n').filter(Boolean).map(Number)
}

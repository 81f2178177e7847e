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

export function membersOf(layout: Layout, path: string): Members {
  const dir = baseDir(layout, path)
  const group = new ListedGroup(dir, layout)
  const events = new KeptFile(`${dir}/cgroup.events`)
  const threads = (): number[] => group.threads() ?? []
  return {
    threads,
    some: () => (layout.version === 2 ? /^populated 1$/m.test(events.text() ?? '') : threads().length > 0),
    close() {
      group.close()
      events.close()
    },
  }
}

/** A directory without others inside has this many links: its own name and its `.`. */
const LINKS_WITHOUT_CHILDREN = 2

/** A group and those below it, which are looked for again only where others may have come. */
class ListedGroup {
  readonly #dir: string
  readonly #layout: Layout
  readonly #list: KeptFile
  #below: readonly ListedGroup[] = []

  constructor(dir: string, layout: Layout) {
    this.#dir = dir
    this.#layout = layout
    this.#list = new KeptFile(`${dir}/${threadList(layout)}`)
  }

  /** Ids of the threads in it and below; null where its own list cannot be read, as when it is gone. */
  threads(): number[] | null {
    const own = this.#list.text()
    // While it is open and read within each second, version 1 shows the same list again.
    if (this.#layout.version === 1) this.#list.close()
    // As many as before, and each of them still there: so no other has come.
    let below = this.#countBelow() === this.#below.length ? this.#threadsBelow() : [null]
    if (below.includes(null)) {
      this.#lookBelow()
      below = this.#threadsBelow()
    }
    const all = below.flatMap((ids) => ids ?? [])
    return own === null ? (all.length > 0 ? all : null) : [...ids(own), ...all]
  }

  close(): void {
    this.#list.close()
    for (const group of this.#below) group.close()
  }

  #threadsBelow(): (number[] | null)[] {
    return this.#below.map((group) => group.threads())
  }

  #countBelow(): number {
    const links = statSync(this.#dir, { throwIfNoEntry: false })?.nlink ?? LINKS_WITHOUT_CHILDREN
    return links - LINKS_WITHOUT_CHILDREN
  }

  #lookBelow(): void {
    for (const group of this.#below) group.close()
    this.#below = childrenOf(this.#dir).map((name) => new ListedGroup(`${this.#dir}/${name}`, this.#layout))
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

import { closeSync, openSync, readSync } from 'node:fs'

/**
 * Files of the kernel that are read turn after turn. Opening costs ten times as much as reading anew from the start
 * of an open one, so descriptors are kept, and all share one buffer: nobody may hold on to it.
 */
const buffer = Buffer.allocUnsafe(256 * 1024)

/** Codes that mean: the group or the thread is no longer there. */
const GONE = new Set(['ENOENT', 'ENODEV', 'ESRCH', 'ENOTDIR'])

export function isGone(error: unknown): boolean {
  return GONE.has((error as NodeJS.ErrnoException).code ?? '')
}

/** The open file is a group that was removed (a new one may stand at the same path), or a thread that ended. */
const REMOVED = -1

export class KeptFile {
  readonly path: string
  #fd = REMOVED

  constructor(path: string) {
    this.path = path
  }

  /** The whole text, or null where the file does not exist, cannot be read, or is no longer there. */
  text(): string | null {
    const length = this.#read()
    return length < 0 ? null : buffer.toString('latin1', 0, length)
  }

  /** The number that the file begins with (after `field` others, separated by blanks); null where there is none. */
  number(field = 0): number | null {
    const length = this.#read()
    let at = 0
    for (let skipped = 0; skipped < field; skipped += 1) {
      while (at < length && (buffer[at] as number) > SPACE) at += 1
      at += 1
    }
    let value = 0
    const start = at
    for (; at < length; at += 1) {
      const digit = (buffer[at] as number) - ZERO
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    return at === start ? null : value
  }

  close(): void {
    if (this.#fd !== REMOVED) closeSync(this.#fd)
    this.#fd = REMOVED
  }

  /** Bytes now in the buffer, or -1. */
  #read(): number {
    try {
      if (this.#fd === REMOVED) this.#fd = openSync(this.path, 'r')
      return readSync(this.#fd, buffer, 0, buffer.length, 0)
    } catch (error) {
      this.close()
      // With all descriptors in use a reading is lost, which is better than a turn.
      if (isGone(error) || UNREADABLE.has((error as NodeJS.ErrnoException).code ?? '')) return -1
      throw error
    }
  }
}

const ZERO = 48
const SPACE = 32
const UNREADABLE = new Set(['EACCES', 'EPERM', 'EOPNOTSUPP', 'EINVAL', 'EIO', 'EMFILE', 'ENFILE'])

/** The number behind `name` in lines such as `nr_throttled 12`; null where it is not there. */
export function fieldOf(text: string, name: string): number | null {
  let at = text.startsWith(`${name} `) ? 0 : text.indexOf(`\n${name} `)
  if (at < 0) return null
  at += text[at] === '\n' ? name.length + 2 : name.length + 1
  const end = text.indexOf('\n', at)
  return Number(text.slice(at, end < 0 ? undefined : end))
}

import type { LibraryHandle } from 'koffi'

export type KoffiFunction = ReturnType<LibraryHandle['func']>

/** A pointer that only libvirt looks into. */
export type Handle = object

let underWay = 0

/** How many calls have not come back: Node does not end before they have, not even by `process.exit`. */
export function callsUnderWay(): number {
  return underWay
}

/** Carries out one call on a thread of its own. */
export function asynchronously<Result>(called: KoffiFunction, args: readonly unknown[]): Promise<Result> {
  underWay++
  return new Promise((resolve, reject) => {
    called.async(...args, (error: unknown, result: Result) => {
      underWay--
      if (error) reject(error as Error)
      else resolve(result)
    })
  })
}

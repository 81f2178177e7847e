/**
 * Work that is done once at a time: however often it is asked for while it is under way, it is done once more after
 * that, and whoever asked gets what that time came to.
 */
export function coalesced<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let underWay: Promise<unknown> = Promise.resolve()
  let next: Promise<Result> | null = null
  return () => {
    next ??= underWay.then(() => {
      next = null
      const result = work()
      underWay = result.catch(() => {})
      return result
    })
    return next
  }
}

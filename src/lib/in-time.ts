/** Resolves with the work or rejects when its time is up; the work itself goes on, as some cannot be taken back. */
export function inTime<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  work.catch(() => {})
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason)
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    const forget = () => signal.removeEventListener('abort', end)
    work.finally(forget).then(resolve, reject)
  })
}

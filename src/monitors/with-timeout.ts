/**
 * Does work that must end within so many ms: its signal is aborted then, with a reason for people, or when `stopping`
 * is. Nothing is left hanging on `stopping`, which lasts as long as the metric.
 */
export async function withTimeout<Result>(
  timeoutMs: number,
  stopping: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const ending = new AbortController()
  const timer = setTimeout(() => ending.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  const stop = () => ending.abort(new Error('Reeve no longer asks'))
  stopping.addEventListener('abort', stop)
  if (stopping.aborted) stop()
  try {
    return await work(ending.signal)
  } finally {
    clearTimeout(timer)
    stopping.removeEventListener('abort', stop)
  }
}

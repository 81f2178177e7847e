import type { MetricSourcePolicy } from '#core/model/policy.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Clock } from '#ports.ts'
import { type Found, oneValue, UNCHANGED } from './board.ts'
import { fetchBody, shownUrl } from './fetch-body.ts'
import { createSampleWindow, tooFew } from './samples.ts'
import { withTimeout } from './with-timeout.ts'

type HttpPolicy = Extract<MetricSourcePolicy, { readonly kind: 'http' }>

/** A page to probe is small; who answers without end does not answer. */
const BYTES_MOST = 1024 * 1024
const NO_WINDOWS = [] as const

/**
 * A probe: how many ms a URL takes until its whole answer is there, as a quantile over a window. A probe without an
 * answer of the expected status in time counts as the timeout, so that a server that fails is never quick.
 */
export function httpLook(
  source: HttpPolicy,
  intervalMs: number,
  clock: Clock,
): (signal: AbortSignal) => Promise<Found> {
  const { status, timeoutMs, quantile, windowMs, samplesLeast } = source
  const url = new URL(source.url)
  const window = createSampleWindow(windowMs, Math.ceil(windowMs / intervalMs) + 1)
  const now = () => clock.now(NO_WINDOWS).monotonicMs

  async function probe(signal: AbortSignal): Promise<void> {
    const answer = await fetchBody(url, { accept: '*/*', bytesMost: BYTES_MOST, status, signal })
    if (answer.status !== status) {
      throw new Error(`${shownUrl(url)} answers with status ${answer.status}, where ${status} is expected`)
    }
  }

  return async (stopping) => {
    const startedMs = now()
    const failure = await withTimeout(timeoutMs, stopping, probe).then(() => null, reasonOf)
    if (stopping.aborted) return UNCHANGED
    const endedMs = now()
    window.add(failure === null ? Math.min(endedMs - startedMs, timeoutMs) : timeoutMs, endedMs)
    const count = window.count(endedMs)
    const problem = failure === null ? null : `${failure}; the probe counts as ${timeoutMs} ms`
    if (count >= samplesLeast) return oneValue(window.quantile(quantile, endedMs), endedMs, problem)
    if (problem !== null) throw new Error(problem)
    return { kind: 'waiting', reason: tooFew(count, samplesLeast, windowMs) }
  }
}

import { z } from 'zod'
import type { DomainName } from '#core/model/ids.ts'
import type { MetricSourcePolicy } from '#core/model/policy.ts'
import { decimal } from '#lib/decimal.ts'
import { printable } from '#lib/printable.ts'
import type { Clock } from '#ports.ts'
import { type Found, type FoundValue, oneValue, UNCHANGED } from './board.ts'
import { fetchBody, shownUrl, textOf } from './fetch-body.ts'
import { withTimeout } from './with-timeout.ts'

type PrometheusPolicy = Extract<MetricSourcePolicy, { readonly kind: 'prometheus' }>

/** A thousand samples with long labels; whoever asks for more asks for too much. */
const BYTES_MOST = 256 * 1024
const DOMAINS_MOST = 1000
const NO_WINDOWS = [] as const

/** When it was evaluated, in seconds of UTC, and the value as text. */
const point = z.tuple([z.number(), z.string().max(64)])
const series = z.object({ metric: z.record(z.string(), z.string()), value: point })
const answered = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('success'),
    data: z.discriminatedUnion('resultType', [
      z.object({ resultType: z.literal('scalar'), result: point }),
      z.object({ resultType: z.literal('vector'), result: z.array(series) }),
      z.object({ resultType: z.enum(['matrix', 'string']) }),
    ]),
  }),
  z.object({ status: z.literal('error'), error: z.string() }),
])
type Result = Extract<z.infer<typeof answered>, { status: 'success' }>['data']

/**
 * An instant query to the HTTP API of Prometheus (`/api/v1/query`), which gives one scalar, or one sample, or a sample
 * of each domain. Reads as taken when the answer came; an answer that was evaluated at the instant of the one before is
 * the same again, out of some cache, and grows old.
 */
export function prometheusLook(source: PrometheusPolicy, clock: Clock): (signal: AbortSignal) => Promise<Found> {
  const url = queryUrl(source)
  let lastSeconds: number | null = null
  return async (stopping) => {
    const result = await withTimeout(source.timeoutMs, stopping, (signal) => ask(url, signal))
    const takenAtMs = clock.now(NO_WINDOWS).monotonicMs
    const samples = samplesOf(result, url)
    const seconds = samples[0]?.value[0] ?? null
    if (seconds !== null && seconds === lastSeconds) return UNCHANGED
    lastSeconds = seconds
    if (source.domainLabel !== null) return eachDomain(samples, source.domainLabel, takenAtMs, url)
    const [only, ...others] = samples
    if (only === undefined) throw new Error(`the query at ${shownUrl(url)} has no result`)
    if (others.length > 0) {
      const remedy = 'aggregate it, or name a `domainLabel`'
      throw new Error(`the query at ${shownUrl(url)} has ${samples.length} results and not one; ${remedy}`)
    }
    return oneValue(numberIn(only.value[1]), takenAtMs)
  }
}

function queryUrl({ url: base, query, timeoutMs }: PrometheusPolicy): URL {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/query`
  url.searchParams.set('query', query)
  url.searchParams.set('timeout', `${Math.ceil(timeoutMs)}ms`)
  return url
}

async function ask(url: URL, signal: AbortSignal): Promise<Result> {
  const answer = await fetchBody(url, { accept: 'application/json', bytesMost: BYTES_MOST, status: 200, signal })
  const parsed = answered.safeParse(jsonOf(textOf(answer, url)))
  if (parsed.success && parsed.data.status === 'error') {
    throw new Error(`${shownUrl(url)} refuses the query: ${printable(parsed.data.error, 200)}`)
  }
  if (answer.status !== 200) throw new Error(`${shownUrl(url)} answers with status ${answer.status}`)
  if (!parsed.success || parsed.data.status !== 'success') {
    throw new Error(`${shownUrl(url)} does not answer as the API of Prometheus does`)
  }
  return parsed.data.data
}

/** Whatever is no JSON is no answer of the API either. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function samplesOf(data: Result, url: URL): readonly z.infer<typeof series>[] {
  if (data.resultType === 'scalar') return [{ metric: {}, value: data.result }]
  if (data.resultType === 'vector') return data.result
  throw new Error(`the query at ${shownUrl(url)} gives a ${data.resultType}, where a scalar or a vector is needed`)
}

function eachDomain(samples: readonly z.infer<typeof series>[], label: string, takenAtMs: number, url: URL): Found {
  if (samples.length === 0) throw new Error(`the query at ${shownUrl(url)} has no result`)
  if (samples.length > DOMAINS_MOST) {
    throw new Error(`the query at ${shownUrl(url)} has ${samples.length} results, more than ${DOMAINS_MOST} domains`)
  }
  const values = new Map<string, FoundValue>()
  for (const { metric, value } of samples) {
    const domain = metric[label]
    if (domain === undefined || domain === '' || domain.length > 255) {
      throw new Error(`a result of the query at ${shownUrl(url)} names no domain by the label ${label}`)
    }
    if (values.has(domain)) {
      throw new Error(`the query at ${shownUrl(url)} has two results of domain ${printable(domain)}; aggregate it`)
    }
    values.set(domain, { domain: domain as DomainName, takenAtMs, value: numberIn(value[1]) })
  }
  return { kind: 'values', values: [...values.values()], problem: null }
}

/** The API writes numbers as text; what is not one ("NaN", "+Inf") is left to be refused as it is. */
function numberIn(text: string): number | string {
  return decimal(text) ?? text
}

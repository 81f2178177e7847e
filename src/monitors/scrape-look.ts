import type { MetricSourcePolicy } from '#core/model/policy.ts'
import { decimal } from '#lib/decimal.ts'
import type { Clock } from '#ports.ts'
import { type Found, oneValue, UNCHANGED } from './board.ts'
import { type Buckets, faultOf, quantileOf } from './buckets.ts'
import { type Exposition, type Format, parseExposition, type Sample, seriesKey, shownSeries } from './exposition.ts'
import { type Answer, fetchBody, shownUrl, textOf } from './fetch-body.ts'
import { withTimeout } from './with-timeout.ts'

type ScrapePolicy = Extract<MetricSourcePolicy, { readonly kind: 'scrape' }>

/** A large exporter has 200 KiB; reading this much takes some 20 ms. */
const BYTES_MOST = 1024 * 1024
const ACCEPT = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.9,text/plain;q=0.5'
const NO_WINDOWS = [] as const

/** Samples of one scrape, when they were taken (monotonic), and when by the server's own clock, where it says. */
interface Scraped {
  readonly samples: readonly Sample[]
  readonly atMs: number
  readonly utcMs: number | null
}

/** What was counted is not enough for a percentile yet. */
interface TooFew {
  readonly kind: 'too-few'
  readonly reason: string
}

/** What one scrape and the one from which it is counted come to; null before there is one. */
type Taking = (now: Scraped, since: Scraped | null) => Found | TooFew

/**
 * Samples of one name out of what a URL exposes. A sample that says when it was taken is as old as that. Counters are
 * compared with the scrape before, for a percentile with that of the last reading, so that the few samples of several
 * scrapes add up to enough; never with one that is older than `staleMs`: what came in so long a time says little of now.
 */
export function scrapeLook(
  source: ScrapePolicy,
  staleMs: number,
  clock: Clock,
): (signal: AbortSignal) => Promise<Found> {
  const url = new URL(source.url)
  const taking = takingOf(source, staleMs)
  let since: Scraped | null = null
  return async (stopping) => {
    const exposition = await withTimeout(source.timeoutMs, stopping, (signal) => expose(url, nameOf(source), signal))
    const now = scraped(matching(exposition, source, url), clock)
    // Counters that stand still and say so are as they were; without that word they were looked at anew.
    if (now.utcMs !== null && now.utcMs === since?.utcMs) return UNCHANGED
    const from = since === null || now.atMs - since.atMs > staleMs ? null : since
    // The next is counted from here, also where this one cannot be used.
    since = now
    const found = taking(now, from)
    if (found.kind !== 'too-few') return found
    since = from
    return { kind: 'waiting', reason: found.reason }
  }
}

/** A histogram's buckets have a name of their own. */
function nameOf({ sample, take }: ScrapePolicy): string {
  return take.kind === 'quantile' ? `${sample}_bucket` : sample
}

async function expose(url: URL, name: string, signal: AbortSignal): Promise<Exposition> {
  const answer = await fetchBody(url, { accept: ACCEPT, bytesMost: BYTES_MOST, status: 200, signal })
  if (answer.status !== 200) throw new Error(`${shownUrl(url)} answers with status ${answer.status}`)
  try {
    return parseExposition(textOf(answer, url), formatOf(answer), name)
  } catch (error) {
    throw new Error(`${shownUrl(url)} exposes no metrics that can be read: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

function formatOf({ type }: Answer): Format {
  return type.startsWith('application/openmetrics-text') ? 'openmetrics' : 'prometheus'
}

/** The samples that have all labels asked for, of which there is at least one. */
function matching({ samples, types }: Exposition, source: ScrapePolicy, url: URL): readonly Sample[] {
  const { sample: name, labels, take } = source
  if (take.kind === 'rate' && types.get(name) === 'gauge') {
    throw new Error(`${name} of ${shownUrl(url)} is a gauge, and a rate is of counters; leave \`rate\` out`)
  }
  const asked = Object.entries(labels)
  const found = samples.filter((sample) => asked.every(([label, value]) => (sample.labels.get(label) ?? '') === value))
  if (found.length > 0) return found
  const wanted = shownSeries({ name: nameOf(source), labels: new Map(asked) })
  throw new Error(`${shownUrl(url)} exposes no ${wanted}`)
}

function scraped(samples: readonly Sample[], clock: Clock): Scraped {
  const { monotonicMs, utcMs } = clock.now(NO_WINDOWS)
  const said = samples.flatMap((sample) => (sample.utcMs === null ? [] : [sample.utcMs]))
  if (said.length === 0) return { samples, atMs: monotonicMs, utcMs: null }
  const newest = said.reduce((a, b) => Math.max(a, b))
  return { samples, atMs: monotonicMs - Math.max(0, utcMs - newest), utcMs: newest }
}

function takingOf({ take, sample: name }: ScrapePolicy, staleMs: number): Taking {
  if (take.kind === 'value') return ({ samples, atMs }) => theOnly(samples, atMs)
  if (take.kind === 'rate') {
    return (now, since) => (since === null ? firstOf(name, staleMs) : rateOf(now, since, name))
  }
  return (now, since) => {
    const faulty = histogramsOf(now.samples, (sample) => sample.value).find((its) => faultOf(its) !== null)
    if (faulty !== undefined) throw new Error(`${name} is no histogram: it ${faultOf(faulty)}`)
    if (since === null) return firstOf(name, staleMs)
    const buckets = growth(now, since, name)
    if (buckets === null) return resetOf(name)
    const count = buckets.get(Number.POSITIVE_INFINITY) as number
    if (count >= take.samplesLeast) return oneValue(quantileOf(take.quantile, buckets), now.atMs)
    const wanted = `${take.samplesLeast} samples that a percentile takes within ${staleMs} ms`
    return { kind: 'too-few', reason: `${name} counted ${count} of the ${wanted}` }
  }
}

function theOnly(samples: readonly Sample[], atMs: number): Found {
  const [only, other] = samples
  if (other === undefined) return oneValue(only?.value, atMs)
  const like = samples.slice(0, 2).map(shownSeries).join(' and ')
  throw new Error(`${samples.length} samples match, ${like} among them; name \`labels\` that one of them has`)
}

const firstOf = (name: string, staleMs: number): Found => ({
  kind: 'waiting',
  reason: `${name} is a counter, whose increase shows with the next scrape within ${staleMs} ms`,
})
const resetOf = (name: string): Found => ({
  kind: 'waiting',
  reason: `${name} counts from the beginning again, its increase shows with the next scrape`,
})

/** By how much counters grew, of those that were there before too; null where one counts anew. */
function increases({ samples }: Scraped, before: Scraped): ReadonlyMap<Sample, number> | null {
  const then = new Map(before.samples.map((sample) => [seriesKey(sample.labels), sample.value]))
  const grown = new Map<Sample, number>()
  for (const sample of samples) {
    const from = then.get(seriesKey(sample.labels))
    if (from === undefined) continue
    // How long it has been counting since is not known, so neither is a rate.
    if (sample.value < from) return null
    grown.set(sample, sample.value - from)
  }
  return grown
}

/** Counters that match are added up: 30 and 60 more within 3 s are 30 per second. */
function rateOf(now: Scraped, before: Scraped, name: string): Found {
  const grown = increases(now, before)
  if (grown === null || grown.size === 0) return resetOf(name)
  const byServer = now.utcMs !== null && before.utcMs !== null
  const elapsedMs = byServer ? (now.utcMs as number) - (before.utcMs as number) : now.atMs - before.atMs
  if (elapsedMs <= 0) throw new Error(`${name} is older than at the scrape before`)
  const total = [...grown.values()].reduce((sum, value) => sum + value, 0)
  return oneValue((1000 * total) / elapsedMs, now.atMs)
}

/** By how much the histograms that match grew together; null where one counts anew. */
function growth(now: Scraped, since: Scraped, name: string): Buckets | null {
  const grown = increases(now, since)
  if (grown === null || grown.size === 0) return null
  const histograms = histogramsOf([...grown.keys()], (sample) => grown.get(sample) as number)
  const whole = addedUp(histograms)
  if (whole === null) throw new Error(`the histograms ${name} that match have different buckets; name \`labels\``)
  const fault = faultOf(whole)
  if (fault !== null) throw new Error(`the increase of ${name} ${fault}`)
  return whole
}

/** The buckets of each histogram, told apart by the labels other than `le`. */
function histogramsOf(samples: readonly Sample[], countOf: (sample: Sample) => number): Buckets[] {
  const found = new Map<string, Map<number, number>>()
  for (const sample of samples) {
    const { le, rest } = bucketOf(sample)
    const its = found.get(rest) ?? new Map<number, number>()
    found.set(rest, its.set(le, countOf(sample)))
  }
  return [...found.values()]
}

function bucketOf(sample: Sample): { le: number; rest: string } {
  const text = sample.labels.get('le') ?? ''
  const le = text === '+Inf' ? Number.POSITIVE_INFINITY : decimal(text)
  if (le === null) throw new Error(`${shownSeries(sample)} has no bound \`le\``)
  return { le, rest: seriesKey(new Map([...sample.labels].filter(([label]) => label !== 'le'))) }
}

/** null where their bounds differ. */
function addedUp(histograms: readonly Buckets[]): Buckets | null {
  const sum = new Map<number, number>()
  for (const its of histograms) for (const [le, count] of its) sum.set(le, (sum.get(le) ?? 0) + count)
  return histograms.every((its) => its.size === sum.size) ? sum : null
}

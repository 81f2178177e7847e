import { readable } from './build.ts'
import { commandForm } from './check-commands.ts'
import { absent, type Finding, infeasible, keyFinding, malformed, type Path, show } from './finding.ts'
import { LABEL, type WrittenMetric } from './metric-schema.ts'
import { milliseconds } from './values.ts'
import type { Written } from './written.ts'

/** So many samples of a window are kept for exact percentiles. */
const SAMPLES_MOST = 10_000

type Of<Source extends WrittenMetric['source']> = Extract<WrittenMetric, { readonly source: Source }>

/** What can be said of metrics read alone, beyond the form of each of their values. */
export function* checkMetrics({ metrics, host }: Written): Iterable<Finding> {
  for (const [name, metric] of readable(metrics)) {
    const path = ['metrics', name]
    const interval = (metric.source === 'counter' ? undefined : metric.interval) ?? host.interval ?? '1s'
    if (metric.staleAfter !== undefined && milliseconds(metric.staleAfter) < milliseconds(interval)) {
      const message = `every reading would be stale: \`staleAfter\` is ${metric.staleAfter}, the interval ${interval}`
      yield infeasible([...path, 'staleAfter'], message, 'make it several intervals')
    }
    if (metric.source === 'command') yield* commandForm(metric, path)
    if (metric.source === 'http') yield* httpForm(metric, interval, path)
    if (metric.source === 'scrape') yield* scrapeForm(metric, path)
    if (metric.source === 'statsd') yield* statsdForm(metric, host.statsd, path)
  }
}

function* httpForm({ unit, window, minimumSamples }: Of<'http'>, interval: string, path: Path): Iterable<Finding> {
  if (unit !== 'ms') {
    yield malformed([...path, 'unit'], `a probe measures ms, not ${unit}`, 'write `unit: ms`; targets are converted')
  }
  const probes = Math.floor(milliseconds(window) / milliseconds(interval))
  if (probes < minimumSamples) {
    const message = `there is never a reading: a window of ${window} has ${probes} probes, one every ${interval}`
    yield infeasible([...path, 'minimumSamples'], message, 'lower it, or make `window` longer')
  }
  if (probes > SAMPLES_MOST) {
    const message = `a window of ${window} has ${probes} probes, one every ${interval}, and ${SAMPLES_MOST} are kept`
    yield infeasible([...path, 'window'], message, 'make it shorter, or `interval` longer')
  }
}

function* scrapeForm(metric: Of<'scrape'>, path: Path): Iterable<Finding> {
  const { sample, labels = {}, rate, percentile, minimumSamples } = metric
  for (const label of Object.keys(labels)) {
    if (LABEL.test(label)) continue
    yield keyFinding([...path, 'labels', label], `${show(label)} is not the name of a label`)
  }
  if (percentile !== undefined && rate !== undefined) {
    yield keyFinding([...path, 'rate'], '`rate` beside `percentile`', 'a metric is one of them; write two metrics')
  }
  if (percentile !== undefined && minimumSamples === undefined) {
    const hint = 'say how many samples between two scrapes are enough'
    yield absent([...path, 'minimumSamples'], '`minimumSamples` is missing beside `percentile`', hint)
  }
  if (percentile === undefined && minimumSamples !== undefined) {
    yield keyFinding([...path, 'minimumSamples'], '`minimumSamples` without `percentile`', 'it is for histograms')
  }
  if (percentile !== undefined && sample.endsWith('_bucket')) {
    const hint = `write \`sample: ${sample.slice(0, -'_bucket'.length)}\``
    yield malformed([...path, 'sample'], 'a histogram is named without `_bucket`', hint)
  }
}

const OF_TIMER = ['window', 'minimumSamples'] as const

function* statsdForm(metric: Of<'statsd'>, port: number | undefined, path: Path): Iterable<Finding> {
  if (port === undefined) {
    const hint = 'name one for all: `host: { statsd: 8125 }`'
    yield infeasible([...path, 'source'], 'the host has no port for StatsD', hint)
  }
  for (const key of [...OF_TIMER, 'percentile'] as const) {
    if (metric.type === 'timer' || metric[key] === undefined) continue
    yield keyFinding([...path, key], `a ${metric.type} has no \`${key}\``, 'only a timer has one')
  }
  for (const key of OF_TIMER) {
    if (metric.type !== 'timer' || metric[key] !== undefined) continue
    yield absent([...path, key], `\`${key}\` is missing for a timer`, 'a percentile is taken over a stated window')
  }
}

import type { DomainName } from '#core/model/ids.ts'
import type {
  CommandPolicy,
  MetricPolicy,
  MetricSourcePolicy,
  QuantilePolicy,
  ScrapedPolicy,
  StatsdPolicy,
} from '#core/model/policy.ts'
import type { WrittenMetric } from './metric-schema.ts'
import { milliseconds, quantile } from './values.ts'

const DEFAULT_TIMEOUT = '1s'
/** Counters are told every 10 s by some drivers, and one telling may be missed. */
const COUNTED_STALE_MS = 30_000
const DEFAULT_PERCENTILE = 95
const DEFAULT_STATUS = 200

type Of<Source extends WrittenMetric['source']> = Extract<WrittenMetric, { readonly source: Source }>

/** A metric with its defaults; `statsdPort` is the host's, where it has one. */
export function buildMetric(
  name: string,
  metric: WrittenMetric,
  hostIntervalMs: number,
  statsdPort: number | undefined,
): MetricPolicy {
  const written = metric.source === 'counter' ? undefined : metric.interval
  const intervalMs = written === undefined ? hostIntervalMs : milliseconds(written)
  const staleMs = Math.max(5 * intervalMs, metric.source === 'counter' ? COUNTED_STALE_MS : 0)
  return {
    name,
    unit: metric.unit,
    intervalMs,
    staleMs: metric.staleAfter === undefined ? staleMs : milliseconds(metric.staleAfter),
    source: sourceOf(metric, statsdPort),
  }
}

function sourceOf(metric: WrittenMetric, statsdPort: number | undefined): MetricSourcePolicy {
  switch (metric.source) {
    case 'push':
      return { kind: 'push', domain: (metric.domain ?? null) as DomainName | null }
    case 'counter':
      return { kind: 'counter', counter: metric.counter, perCpuSecond: metric.perCpuSecond ?? false }
    case 'file':
      return { kind: 'file', path: metric.path, key: metric.key ?? null }
    case 'fifo':
      return { kind: 'fifo', path: metric.path }
    case 'command':
      return { kind: 'command', command: commandOf(metric), timeoutMs: timeoutOf(metric) }
    case 'http': {
      const { url, status = DEFAULT_STATUS } = metric
      return { kind: 'http', url, status, timeoutMs: timeoutOf(metric), ...quantileOf(metric) }
    }
    case 'prometheus': {
      const { url, query, domainLabel = null } = metric
      return { kind: 'prometheus', url, query, domainLabel, timeoutMs: timeoutOf(metric) }
    }
    case 'scrape': {
      const { url, sample, labels = {} } = metric
      return { kind: 'scrape', url, sample, labels, take: scrapedOf(metric), timeoutMs: timeoutOf(metric) }
    }
    case 'statsd':
      // Without a port the policy is refused.
      return { kind: 'statsd', port: statsdPort ?? 0, bucket: metric.bucket, take: statsdOf(metric) }
  }
}

function timeoutOf({ timeout = DEFAULT_TIMEOUT }: { readonly timeout?: string | undefined }): number {
  return milliseconds(timeout)
}

/** What a command is started with, of a domain or of a metric; what is missing of it is reported elsewhere. */
export function commandOf({
  command,
  user = '',
  directory = '/',
  environment = {},
}: {
  readonly command: readonly string[]
  readonly user?: string | undefined
  readonly directory?: string | undefined
  readonly environment?: Readonly<Record<string, string>> | undefined
}): CommandPolicy {
  return { argv: command as [string, ...string[]], user, directory, environment }
}

function quantileOf({
  percentile = DEFAULT_PERCENTILE,
  window,
  minimumSamples,
}: Pick<Of<'statsd'>, 'percentile' | 'window' | 'minimumSamples'>): QuantilePolicy {
  // Both are required, and a policy without them is refused.
  return { quantile: quantile(percentile), windowMs: milliseconds(window ?? '1s'), samplesLeast: minimumSamples ?? 1 }
}

function scrapedOf({ rate, percentile, minimumSamples = 1 }: Of<'scrape'>): ScrapedPolicy {
  if (percentile !== undefined) {
    return { kind: 'quantile', quantile: quantile(percentile), samplesLeast: minimumSamples }
  }
  return rate === true ? { kind: 'rate' } : { kind: 'value' }
}

function statsdOf(metric: Of<'statsd'>): StatsdPolicy {
  return metric.type === 'timer' ? { kind: 'timer', ...quantileOf(metric) } : { kind: metric.type }
}

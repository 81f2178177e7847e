import { z } from 'zod'
import * as scalar from './scalar.ts'
import { kinds, strict } from './strict.ts'

/** The written form of a metric, by its source. What two keys have to do with each other is told in check-metrics.ts. */

const metricKeys = {
  unit: z
    .string('a unit such as ms')
    .regex(/^[^\d\s.].{0,15}$/, 'a unit such as ms or requests/s')
    .describe('Unit of the readings.'),
  interval: scalar.duration('10ms', '1h').optional().describe("Time between readings. Default the host's interval."),
  staleAfter: scalar
    .duration('10ms', '7d')
    .optional()
    .describe('Age at which a reading no longer counts. Default 5 intervals, of a counter at least 30 s.'),
}

const timeout = scalar.duration('1ms', '5m').optional().describe('How long an answer is waited for. Default 1s.')

const PERCENTILE = 'a percentile above 0 and below 100, without a sign'
const percentile = z.number(PERCENTILE).gt(0, PERCENTILE).lt(100, PERCENTILE)
const window = scalar.duration('10ms', '1h').describe('Time over which a percentile is taken.')
const minimumSamples = scalar
  .whole(1, 10_000, 'a whole number from 1 to 10000')
  .describe('Fewer samples give no reading.')

const SAMPLE = 'the name of a sample such as http_requests_total'
export const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const LABELS = 'a map from labels to their values'
const LABEL_VALUE = 'a string; put it in quotes'
const BUCKET = 'a bucket such as shop.latency, without blanks and any of : | @ #'

const COUNTERS = ['net.rxPackets', 'net.txPackets', 'net.rx', 'net.tx', 'io.readOps', 'io.writeOps'] as const

export type WrittenMetric = z.infer<typeof metricSchema>
export const metricSchema = z.discriminatedUnion(
  'source',
  [
    strict('a metric', {
      source: z.literal('push').describe('Values sent to the metrics socket.'),
      domain: scalar.name.optional().describe('The domain that the readings are of. Default the one that pushes.'),
      ...metricKeys,
    }),
    strict('a metric', {
      source: z.literal('counter').describe('What is counted for each domain itself.'),
      counter: scalar
        .choice(COUNTERS)
        .describe('What is counted. Packets and bytes, received and sent; operations of disks.'),
      perCpuSecond: scalar.yes
        .optional()
        .describe('For each second of CPU time that it uses. Default for each second.'),
      unit: metricKeys.unit,
      staleAfter: metricKeys.staleAfter,
    }),
    strict('a metric', {
      source: z.literal('file').describe('A number in a file.'),
      path: scalar.absolutePath('an absolute path').describe('The file.'),
      key: scalar
        .text('a dotted path in the JSON such as latency.p95')
        .optional()
        .describe('Where in the JSON the number is. Default the file has nothing but the number.'),
      ...metricKeys,
    }),
    strict('a metric', {
      source: z.literal('fifo').describe('A FIFO of which every line is a number.'),
      path: scalar.absolutePath('an absolute path').describe('The FIFO.'),
      ...metricKeys,
    }),
    strict('a metric', {
      source: z.literal('command').describe('The number that a program prints.'),
      command: scalar.command.describe('Program and arguments, without a shell.'),
      user: scalar.text('the name of the user it runs as').describe('Who it runs as.'),
      directory: scalar.absolutePath('an absolute path').optional().describe('Where it runs. Default /.'),
      environment: scalar.environment.optional().describe('Its environment variables.'),
      timeout,
      ...metricKeys,
    }),
    strict('a metric', {
      source: z.literal('http').describe('How long a URL takes to answer, in ms.'),
      url: scalar.httpUrl.describe('The URL.'),
      status: scalar
        .whole(200, 599, 'a status from 200 to 599')
        .optional()
        .describe('Status of a good answer; others count as the timeout. Default 200.'),
      percentile: percentile.optional().describe('The percentile of the window. Default 95.'),
      window,
      minimumSamples,
      timeout,
      ...metricKeys,
    }),
    strict('a metric', {
      source: z.literal('prometheus').describe('A query that Prometheus evaluates.'),
      url: scalar.httpUrl.describe('Where Prometheus is; /api/v1/query follows.'),
      query: scalar.text('a query of Prometheus').describe('A query with one result, or one for each domain.'),
      domainLabel: z
        .string('the name of a label')
        .regex(LABEL, 'the name of a label')
        .optional()
        .describe('The label that names the domain of each result. Default there is one result.'),
      timeout,
      ...metricKeys,
    }),
    strict('a metric', {
      source: z
        .literal('scrape')
        .describe('A sample that a URL exposes in the text format of Prometheus or OpenMetrics.'),
      url: scalar.httpUrl.describe('The URL.'),
      sample: z
        .string(SAMPLE)
        .max(256, SAMPLE)
        .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, SAMPLE)
        .describe('Name of the sample; of a histogram the name without _bucket.'),
      labels: z
        .record(z.string(), z.string(LABEL_VALUE).max(1024, 'a shorter string'), LABELS)
        .optional()
        .describe('Labels that it has.'),
      rate: scalar.yes.optional().describe('It is a counter, and its rate per second is read.'),
      percentile: percentile.optional().describe('It is a histogram, and this percentile of its increase is read.'),
      minimumSamples: minimumSamples.optional(),
      timeout,
      ...metricKeys,
    }),
    strict('a metric', {
      source: z.literal('statsd').describe('What applications send to the StatsD port of the host.'),
      bucket: z
        .string(BUCKET)
        .max(256, BUCKET)
        .regex(/^[^\s:|@#]+$/, BUCKET)
        .describe('The bucket.'),
      type: scalar
        .choice(['gauge', 'counter', 'timer'])
        .describe('gauge: the last value; counter: the rate per second; timer: a percentile of a window.'),
      percentile: percentile.optional().describe('Of a timer. Default 95.'),
      window: window.optional(),
      minimumSamples: minimumSamples.optional(),
      ...metricKeys,
    }),
  ],
  kinds(
    'push, counter, file, fifo, command, http, prometheus, scrape, statsd',
    'a metric such as {source: push, unit: ms}',
  ),
)

import { z } from 'zod'
import { KNOBS } from '#drivers/simulator/knobs.ts'
import * as scalar from '#policy/scalar.ts'
import { kinds, strict } from '#policy/strict.ts'
import { LEVEL_MOST } from './trace.ts'

/** The written form of a scenario, entry by entry, as `#policy/entry-schema.ts` is that of a policy. */

export const API_VERSION = 'reeve-scenario/v1'

/** Something that is read by another schema, and must be there. */
const required = (noun: string) => z.unknown().refine((value) => value !== undefined && value !== null, noun)

export const rootSchema = strict(`a map that begins with \`apiVersion: ${API_VERSION}\``, {
  apiVersion: z.literal(API_VERSION, `${API_VERSION}, the version that this Reeve reads`),
  host: required('a map such as {cpus: 4, duration: 10m}'),
  policy: required('the path of a policy, or a policy'),
  domains: z.record(z.string(), z.unknown(), 'a map from names to domains'),
  faults: z.array(z.unknown(), 'a list of faults, each beginning with `-`').nullish(),
})

const START = 'a time in UTC such as 2026-01-05T08:00:00Z, in quotes or not'

const cpus = scalar.whole(1, 1024, 'a number of CPUs from 1 to 1024')

export type WrittenHost = z.infer<typeof hostSchema>
export const hostSchema = strict('a map such as {cpus: 4, duration: 10m}', {
  cpus: cpus.optional(),
  sockets: scalar.whole(1, 64, 'a number of sockets from 1 to 64').optional(),
  cores: scalar.whole(1, 1024, 'a number of cores of each socket, from 1 to 1024').optional(),
  threads: scalar.whole(1, 2, 'a number of threads of each core, 1 or 2').optional(),
  caches: scalar.whole(1, 1024, 'a number of last-level caches of each socket, from 1 to 1024').optional(),
  nodes: scalar.whole(1, 1024, 'a number of NUMA nodes of the host, from 1 to 1024').optional(),
  memory: scalar.amountIn('bytes').optional(),
  seed: scalar.whole(0, 2 ** 31 - 1, 'a whole number from 0 to 2147483647').optional(),
  duration: scalar.duration('1s', '31d'),
  start: z
    .string(START)
    .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z$/, START)
    .refine((text) => Number.isFinite(Date.parse(text)), START)
    .optional(),
  unmanaged: scalar.amountIn('millicores').optional(),
  noise: scalar.share.optional(),
})

const REPORTED = ['p95', 'throughput'] as const

export type WrittenDomain = z.infer<typeof domainSchema>
export const domainSchema = strict('a map such as {load: {kind: batch, threads: 2}}', {
  load: required('a load such as {kind: batch, threads: 2}'),
  memory: scalar.amountIn('bytes').optional(),
  weight: scalar.whole(2, 262_144, 'a weight from 2 to 262144').optional(),
  cpus: scalar.cpus.optional(),
  metrics: z
    .record(scalar.name, z.enum(REPORTED, `one of ${REPORTED.join(', ')}`), 'a map such as {shop-p95: p95}')
    .optional(),
  changes: z.array(z.unknown(), 'a list of changes, each beginning with `-`').optional(),
})

const rate = (noun: string) => z.number(noun).min(0, noun).max(LEVEL_MOST, noun)
const cost = scalar.duration('0.001ms', '1h')
const threads = (least: number) => scalar.whole(least, 4096, `a number of threads from ${least} to 4096`)
const clients = scalar.whole(0, 100_000, 'a number of clients from 0 to 100000')

const service = {
  cpu: cost,
  spread: scalar.choice(['exponential', 'constant', 'hyperexponential']).optional(),
  threads: threads(1),
  packets: scalar.whole(1, 1_000_000, 'a number of packets from 1 to 1000000').optional(),
  disk: scalar.amountIn('bytes').optional(),
}

export type WrittenLoad = z.infer<typeof loadSchema>
export const loadSchema = z.discriminatedUnion(
  'kind',
  [
    strict('a load', {
      kind: z.literal('open'),
      perSecond: rate('a number of requests per second from 0 to 1000000'),
      ...service,
      underwayMost: scalar.whole(1, 1_000_000, 'a whole number from 1 to 1000000').optional(),
    }),
    strict('a load', { kind: z.literal('closed'), clients, think: scalar.duration('0ms', '1d'), ...service }),
    strict('a load', { kind: z.literal('batch'), threads: threads(0) }),
  ],
  kinds('open, closed, batch', 'a load such as {kind: batch, threads: 2}'),
)

const time = scalar.duration('0s', '31d')
const level = rate('a number from 0 to 1000000: requests per second, clients or threads')

export type WrittenChange = z.infer<typeof changeSchema>
export const changeSchema = z.discriminatedUnion(
  'kind',
  [
    strict('a change', {
      kind: z.literal('step'),
      at: time,
      level: level.optional(),
      cpu: cost.optional(),
      think: scalar.duration('0ms', '1d').optional(),
      memory: scalar.amountIn('bytes').optional(),
    }),
    strict('a change', { kind: z.literal('ramp'), from: time, to: time, level }),
    strict('a change', {
      kind: z.literal('sine'),
      period: scalar.duration('10s', '31d'),
      amplitude: scalar.percent(0, 100),
      peak: time.optional(),
    }),
    strict('a change', { kind: z.literal('daily'), peak: scalar.duration('0s', '1d'), least: scalar.share }),
    strict('a change', {
      kind: z.literal('bursts'),
      every: scalar.duration('2s', '31d'),
      lasts: scalar.duration('1s', '31d'),
      factor: scalar.positive('a factor above 0'),
      random: scalar.yes.optional(),
    }),
    strict('a change', {
      kind: z.literal('trace'),
      file: scalar.text('the path of a CSV file'),
      time: scalar.text('the name of the column with the time'),
      unit: scalar.duration('1ms', '31d').optional(),
      column: scalar.text('the name of the column with the level'),
      where: z
        .record(z.string(), z.union([z.string(), z.number()], 'a text or a number'), 'a map such as {vm: 10}')
        .optional(),
      scale: scalar.positive('a factor above 0').optional(),
    }),
  ],
  kinds('step, ramp, sine, daily, bursts, trace', 'a change such as {kind: step, at: 2m, level: 300}'),
)

const lasting = { at: time, until: time.optional() }

export type WrittenFault = z.infer<typeof faultSchema>
export const faultSchema = z.discriminatedUnion(
  'kind',
  [
    strict('a fault', {
      kind: z.literal('vanish'),
      domain: scalar.name,
      at: time,
      back: time.optional(),
      afterLook: scalar.yes.optional(),
    }),
    strict('a fault', {
      kind: z.literal('write-fails'),
      domain: scalar.name,
      knob: scalar.choice(KNOBS as unknown as readonly [string, ...string[]]),
      code: z.string('an error code such as EIO').regex(/^E[A-Z0-9]{1,20}$/, 'an error code such as EIO'),
      ...lasting,
    }),
    strict('a fault', { kind: z.literal('cpus'), online: scalar.cpus, at: time }),
    strict('a fault', { kind: z.literal('metric-stops'), metric: scalar.name, ...lasting }),
    strict('a fault', {
      kind: z.literal('metric-late'),
      metric: scalar.name,
      by: scalar.duration('1ms', '1h'),
      ...lasting,
    }),
    strict('a fault', {
      kind: z.literal('random'),
      perMinute: z.number('a number above 0, at most 60').gt(0, 'a number above 0').max(60, 'a number up to 60'),
    }),
  ],
  kinds(
    'vanish, write-fails, cpus, metric-stops, metric-late, random',
    'a fault such as {kind: cpus, online: 0-1, at: 5m}',
  ),
)

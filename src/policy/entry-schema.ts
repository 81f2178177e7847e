import { z } from 'zod'
import { AFFINITY_RULES, SILENCEABLE } from '#core/model/policy.ts'
import type { Resource } from '#core/model/resource.ts'
import * as scalar from './scalar.ts'
import { kinds, strict } from './strict.ts'
import type { Units } from './units.ts'

/**
 * The written form of a policy, entry by entry. Entries are checked one at a time, so that a fault in one does not
 * hide those of another; schema.ts puts them together for editors. Nothing is converted here.
 */

/** Marks maps to which a policy may add resources of its own; for editors, which do not know those. */
export const OPEN = 'x-open'

function perResource<Value extends z.ZodType>(units: Units, value: (unit: Resource['unit']) => Value) {
  const shape: Record<string, z.ZodOptional<Value>> = {}
  for (const [key, unit] of units) shape[key] = value(unit).optional()
  const map = strict('a map from resources to values', shape, units)
  return map.meta({ [OPEN]: true }) as unknown as z.ZodType<Record<string, z.infer<Value>>>
}

const names = (noun: string) => z.array(scalar.name, noun).min(1, noun)
const disposal = <const Rules extends readonly [string, ...string[]]>(rules: Rules) => {
  const noun = `one of ${rules.join(', ')} or {default: [names of domains]}`
  return z.union(
    [
      z.enum(rules, noun),
      strict(noun, { default: names('a list of domains').describe('Domains that get it, the first served first.') }),
    ],
    noun,
  )
}

export const rootSchema = strict('a map that begins with `apiVersion: reeve/v1`', {
  apiVersion: z.literal('reeve/v1', 'reeve/v1, the version that this Reeve reads'),
  host: z.unknown().optional(),
  windows: z.record(z.string(), z.unknown(), 'a map from names to windows').nullish(),
  resources: z.record(z.string(), z.unknown(), 'a map from names to resources').nullish(),
  metrics: z.record(z.string(), z.unknown(), 'a map from names to metrics').nullish(),
  domains: z.record(z.string(), z.unknown(), 'a map from names to domains').nullish(),
  goals: z.array(z.unknown(), 'a list of goals, each beginning with `-`').nullish(),
})

const rung = strict('a rung such as {difference: 10%, samples: 1} or {difference: 5%, lasts: 10m}', {
  difference: scalar.percent(0, 1000).describe('Difference between entitlement and what is in force.'),
  samples: scalar.whole(1, 10_000, 'a number of turns from 1').optional().describe('Turns in a row.'),
  lasts: scalar.duration('1ms', '7d').optional().describe('Time, instead of turns.'),
})

export type WrittenHost = z.infer<ReturnType<typeof hostSchema>>
export function hostSchema(units: Units) {
  const headroom = (unit: Resource['unit']) => {
    const noun = `a percentage of the capacity (5%) or ${scalar.amountNoun(unit)}`
    return z.union([scalar.share, scalar.amountIn(unit)], noun)
  }
  const ladder = z.array(rung, 'a list of rungs').min(1, 'a list of at least one rung')
  return strict('a map of settings', {
    interval: scalar.duration('10ms', '1h').optional().describe('Time from one turn to the next. Default 1s.'),
    mode: scalar
      .choice(['observe', 'advise', 'manage'])
      .optional()
      .describe('observe records, advise also decides and shows, manage also applies. Default advise.'),
    fairness: scalar
      .choice(['max-min', 'satisfy-most', 'proportional'])
      .optional()
      .describe('How a priority class that does not fit is shared. Default max-min.'),
    surplus: disposal(['hold', 'spread', 'equal'])
      .optional()
      .describe('What becomes of capacity that no goal asks for. Default hold.'),
    remainder: disposal(['share', 'hold'])
      .optional()
      .describe('What becomes of the remainder of a class that does not fit. Default share.'),
    headroom: perResource(units, headroom)
      .optional()
      .describe('Withheld from all domains, an amount or a percentage of capacity. Default 5% of cpu and of memory.'),
    minimum: perResource(units, scalar.amountIn)
      .optional()
      .describe('What a domain without a reservation starts from. Default 10m of cpu, 16MiB of memory.'),
    thresholds: perResource(units, () => ladder)
      .optional()
      .describe('Differences that cause a reallocation. Default 10% at once, 9% for 2 turns, 8% for 3 turns.'),
    cooldown: scalar.duration('0s', '7d').optional().describe('What was moved is not moved back within. Default 10s.'),
    maximumStep: perResource(units, () => scalar.percent(0, 100))
      .optional()
      .describe('Largest change of one allocation in one turn, of the capacity. Default 100%.'),
    minimumChange: perResource(units, scalar.amountIn)
      .optional()
      .describe('Changes below this are not made. Default 0.'),
    quiet: names('a list of windows').optional().describe('Windows during which nothing is moved.'),
    drift: scalar
      .choice(['yield', 'reassert'])
      .optional()
      .describe('What is done about a setting that somebody else changed. Default yield: it is left so.'),
    without: z
      .array(scalar.choice(SILENCEABLE), `a list of ${SILENCEABLE.join(', ')}`)
      .min(1, `a list of ${SILENCEABLE.join(', ')}`)
      .optional()
      .describe('What has no say; what learns goes on learning. Default nothing.'),
    libvirt: z
      .array(scalar.libvirtUri, 'a list of libvirt URIs')
      .min(1, 'a list of at least one libvirt URI')
      .optional()
      .describe('Connections on which machines are looked for. Default qemu:///system.'),
    statsd: scalar
      .whole(1, 65_535, 'a UDP port from 1 to 65535')
      .optional()
      .describe('UDP port of 127.0.0.1 where StatsD metrics arrive. Default none.'),
  })
}

const CRON = 'a cron pattern of five fields (minute, hour, day, month, weekday), or a list of them'
export type WrittenWindow = z.infer<typeof windowSchema>
export const windowSchema = strict('a map with cron and zone', {
  cron: z
    .union([scalar.text(CRON), z.array(scalar.text(CRON), CRON).min(1, CRON)], CRON)
    .describe('The window is open in every minute that one of the patterns matches.'),
  zone: scalar.text('the name of a time zone such as Europe/Berlin or UTC').describe('IANA name of the time zone.'),
})

export type WrittenResource = z.infer<ReturnType<typeof resourceSchema>>
export function resourceSchema(unit: Resource['unit']) {
  return strict('a map such as {capacity: 10}', {
    capacity: scalar.amountIn(unit).optional().describe('How much there is. Required unless Reeve can observe it.'),
    grain: scalar.amountIn(unit).optional().describe('Smallest amount that is given. Default 1 for what is counted.'),
  })
}

export type WrittenShare = z.infer<ReturnType<typeof shareSchema>>
export function shareSchema(unit: Resource['unit']) {
  const amount = scalar.amountIn(unit).optional()
  return strict(`a map such as {reservation: ..., limit: ..., weight: 2}`, {
    reservation: amount.describe('Always granted, used or not.'),
    own: amount.describe('Its own when it asks for it, before priority 1.'),
    lend: scalar.flag.optional().describe('Others may use what it owns and does not ask for. Default true.'),
    borrow: scalar.flag.optional().describe('It may ask for more than it owns. Default true.'),
    limit: amount.describe('Never more than this.'),
    weight: z
      .number('a weight above 0, at most 1000000')
      .gt(0, 'a weight above 0')
      .max(1e6, 'a weight up to 1000000')
      .optional()
      .describe('Standing among siblings under contention. Default 1; on a parent the sum of its children.'),
  })
}

const byActivity = strict('a map such as {class: batch}', {
  class: scalar.choice(['other', 'batch', 'idle']).optional().describe('Default other.'),
  slice: scalar.duration('0.1ms', '100ms').optional().describe('Time slice of class other.'),
}).optional()

const affinity = scalar.choice(AFFINITY_RULES).optional()

/** Keys of a domain other than its shares. */
export const DOMAIN_SHAPE = {
  driver: scalar.name.optional().describe('Who finds and controls it, cgroup or libvirt. Default cgroup.'),
  path: scalar.absolutePath('an absolute path without . and ..').optional().describe('The cgroup that it is.'),
  unit: z
    .string('a systemd unit')
    .regex(/^[^/\s]{1,250}\.(service|slice|scope)$/, 'a systemd unit such as shop.service')
    .optional()
    .describe('The systemd unit that it is.'),
  uuid: z
    .string('a UUID in quotes')
    .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'a UUID in lower case')
    .optional()
    .describe('The UUID of the machine that it is, where its name may change.'),
  command: scalar.command.optional().describe('Program and arguments that Reeve starts in it, without a shell.'),
  user: scalar.text('the name of a user').optional().describe('Who the command runs as.'),
  directory: scalar.absolutePath('an absolute path').optional().describe('Where the command runs. Default /.'),
  environment: scalar.environment.optional().describe("The command's environment variables."),
  parent: scalar.name.optional().describe('The domain that it is inside of.'),
  groups: names('a list of names').optional().describe('Groups that goals may name.'),
  mode: scalar.choice(['observe', 'advise', 'manage']).optional().describe("Default the host's mode."),
  role: scalar
    .choice(['managed', 'fixed', 'ignored'])
    .optional()
    .describe('fixed keeps what is in force for it; ignored is outside. Default managed.'),
  controls: z
    .array(z.string('the name of a resource'), 'a list of resources')
    .min(1, 'a list of at least one resource')
    .optional()
    .describe('Resources that are controlled. Default cpu and those that its shares and goals name.'),
  enforcement: scalar
    .choice(['guarantee', 'cap'])
    .optional()
    .describe('guarantee lets it use what others leave idle, cap does not. Default guarantee.'),
  pin: scalar.cpus.optional().describe('CPUs that it may run on.'),
  near: names('a list of domains').optional().describe('Domains that it should share CPUs with.'),
  apart: names('a list of domains').optional().describe('Domains that it must not share CPUs with.'),
  metadata: strict('a map such as {groups: [web], pin: true}', {
    groups: names('a list of names').optional().describe('Groups that it may join.'),
    ignore: scalar.yes.optional().describe('It may stay outside.'),
    pin: scalar.yes.optional().describe('It may pin itself to some of its CPUs.'),
    limit: scalar.yes.optional().describe('It may lower its limits.'),
  })
    .optional()
    .describe('What the metadata of a machine may ask for. Default nothing: it is not looked at.'),
  pauseBelow: scalar
    .amountIn('millicores')
    .optional()
    .describe('It is paused while it needs so much CPU and is given less. Default never.'),
  vcpus: scalar.vcpus
    .optional()
    .describe('How many vCPUs its guest may have in use, by the guest agent. Default left alone.'),
  drift: scalar.choice(['yield', 'reassert']).optional().describe("Default the host's."),
  scheduling: strict('a map such as {class: batch}', {
    class: scalar.choice(['other', 'batch', 'idle', 'fifo', 'round-robin']).optional().describe('Default other.'),
    priority: scalar.whole(1, 99, 'a whole number from 1 to 99').optional().describe('Of fifo and round-robin.'),
    slice: scalar.duration('0.1ms', '100ms').optional().describe('Time slice of class other.'),
    activity: strict('a map such as {compute: {class: batch}}, or {} for the usual', {
      idle: byActivity.describe('While it does nothing. Default as the kernel has it.'),
      compute: byActivity.describe('While it computes. Default class batch.'),
      network: byActivity.describe('While it mostly sends and receives. Default a slice of 1 ms.'),
      disk: byActivity.describe('While it mostly reads and writes. Default a slice of 2 ms.'),
      interrupt: byActivity.describe('While it is mostly woken for a moment. Default a slice of 1 ms.'),
    })
      .optional()
      .describe('Instead, by what it does most. What is not stated is as usual.'),
  })
    .optional()
    .describe('How the kernel schedules its threads. Default left alone.'),
  affinity: strict('a map such as {activity: {compute: cache}}', {
    activity: strict('a map such as {compute: cache}, or {} for the usual', {
      idle: affinity.describe('While it does nothing. Default anywhere.'),
      compute: affinity.describe('While it computes. Default cache.'),
      network: affinity.describe('While it mostly sends and receives. Default network-interrupts.'),
      disk: affinity.describe('While it mostly reads and writes. Default disk-interrupts.'),
      interrupt: affinity.describe('While it is mostly woken for a moment. Default interrupts.'),
      'time-critical': affinity.describe('While it has real-time threads. Default cores.'),
    }).describe('By what it does most. What is not stated is as usual.'),
  })
    .optional()
    .describe('Which CPUs it runs on, unless pin, near or apart say so. Default left alone.'),
}

export type WrittenDomain = z.infer<ReturnType<typeof domainSchema>>
export function domainSchema(units: Units) {
  return strict('a map of properties', DOMAIN_SHAPE, units)
}

const goalKeys = {
  name: scalar.name.optional().describe('Its name in reports. Default made of domain, kind and priority.'),
  domain: scalar.nameOrGlob.optional().describe('The domain that it is for, or the glob that stands for several.'),
  group: scalar.name.optional().describe('The group whose every domain it is for.'),
  all: scalar.yes.optional().describe('It is for every domain.'),
  application: scalar.name.optional().describe('Needs of several applications of a domain add up. Default main.'),
  priority: scalar.whole(1, 1_000_000, 'a whole number from 1 (1 comes first)').describe('1 is served first.'),
  when: scalar.name.optional().describe('The window in which it holds.'),
  whileRunning: scalar.name.optional().describe('The domain that must be running for it to hold.'),
  onEvent: scalar.name.optional().describe('The event that makes it hold.'),
}

export type WrittenGoal = z.infer<ReturnType<typeof goalSchema>>
export function goalSchema(units: Units) {
  const upTo = perResource(units, scalar.amountIn)
    .optional()
    .describe('The most that may be asked for on its account, so that one that nobody can meet does not take all.')
  return z.discriminatedUnion(
    'kind',
    [
      strict('a goal', {
        kind: z.literal('utilization').describe('Use stays at or below a part of the entitlement.'),
        ...goalKeys,
        upTo,
        resource: z.string('the name of a resource').optional().describe('Default cpu.'),
        target: scalar.percent(0, 100).describe('Part of the entitlement that may be in use.'),
      }),
      strict('a goal', {
        kind: z.literal('performance').describe('A metric stays on one side of a target.'),
        ...goalKeys,
        upTo,
        metric: scalar.name.describe('The metric.'),
        below: scalar.target.optional().describe('At or below this.'),
        above: scalar.target.optional().describe('At or above this.'),
      }),
      strict('a goal', {
        kind: z.literal('throughput').describe('Work is done at a rate.'),
        ...goalKeys,
        upTo,
        metric: scalar.name.describe('The metric that counts work per second.'),
        atLeast: scalar.positive("a number above 0 in the metric's unit").describe('Work per second.'),
      }),
      strict('a goal', {
        kind: z.literal('fixed').describe('The amounts themselves.'),
        ...goalKeys,
        amounts: perResource(units, scalar.amountIn).describe('How much of each resource.'),
      }),
    ],
    kinds('utilization, performance, throughput, fixed', 'a goal such as {domain: shop, kind: utilization, ...}'),
  )
}

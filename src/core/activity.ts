import { type DomainView, rateOf, type View } from './look.ts'
import type { DomainName } from './model/ids.ts'
import type { ActivityKnowledge } from './model/knowledge.ts'
import type { Activity, SchedulingPolicy } from './model/policy.ts'
import { CPU } from './model/resource.ts'

/**
 * What a domain does most, from its own counters: nothing in it is asked. Sources: document E, activity of a virtual
 * machine by interrupts, CPU, network, disk and time-critical tasks; the number of turns on a CPU stands for interrupts,
 * since each that wakes a thread is one.
 */

/** Millicores below which a domain that does nothing else is idle. */
const IDLE_MILLI = 20
/** An activity other than computing counts from so much a second on, and from so much for each second of CPU time. */
const LEAST = {
  network: { perSecond: 100, perCpuSecond: 10_000 },
  disk: { perSecond: 1024 ** 2, perCpuSecond: 50 * 1024 ** 2 },
  interrupt: { perSecond: 500, perCpuSecond: 5000 },
} as const
type Kind = keyof typeof LEAST
/** In this order: who takes in packets is woken for them too, and who reads from disk as well. */
const KINDS: readonly Kind[] = ['network', 'disk', 'interrupt']
/** What a domain does already counts down to this part of it, and something else once it was seen in so many turns. */
const STAYS = 0.5
const TURNS = 3

const DISK = /^io\.(read|write)(:|$)/

/** How a domain's threads are scheduled by what they do, unless the policy says otherwise; null leaves them alone. */
export const BY_ACTIVITY: Readonly<Record<Activity, SchedulingPolicy | null>> = {
  idle: { class: 'other', priority: 0, sliceMs: null },
  // They need no CPU soon, only much of it: nobody is interrupted for them.
  compute: { class: 'batch', priority: 0, sliceMs: null },
  // They need little at a time, and soon.
  network: { class: 'other', priority: 0, sliceMs: 1 },
  interrupt: { class: 'other', priority: 0, sliceMs: 1 },
  disk: { class: 'other', priority: 0, sliceMs: 2 },
  'time-critical': null,
}

/** What each domain of a view does. */
export type Active = ReadonlyMap<DomainName, ActivityKnowledge>

export function activities({ domains }: View): Active {
  return new Map(domains.map((domain) => [domain.name, activityOf(domain, domain.known?.activity)]))
}

/** What the domain does as it seems now and over the last turns; `before` is what was known of it. */
function activityOf(domain: DomainView, before: ActivityKnowledge | undefined): ActivityKnowledge {
  const rates = ratesOf(domain, before?.rates)
  const now = seemsNow(domain, rates, before?.is)
  if (before === undefined || now === before.is) return { is: now, seems: now, turns: 0, rates }
  const turns = now === before.seems ? before.turns + 1 : 1
  return turns >= TURNS ? { is: now, seems: now, turns: 0, rates } : { is: before.is, seems: now, turns, rates }
}

type Rates = ActivityKnowledge['rates']

/** What is not told every turn is as it was told last. */
function ratesOf(domain: DomainView, before: Rates = { network: 0, disk: 0, interrupt: 0 }): Rates {
  const { seen } = domain
  const received = rateOf(domain, 'net.rxPackets')
  const sent = rateOf(domain, 'net.txPackets')
  let disk: number | undefined
  for (const counters of [seen.counters, seen.told?.counters ?? {}]) {
    for (const counter in counters) {
      if (!DISK.test(counter)) continue
      const rate = rateOf(domain, counter)
      if (rate !== undefined) disk = (disk ?? 0) + rate
    }
  }
  return {
    network: received === undefined ? before.network : received + (sent ?? 0),
    disk: disk ?? before.disk,
    interrupt: rateOf(domain, 'cpu.runs') ?? before.interrupt,
  }
}

/**
 * Worked: 30,000 packets a second at two seconds of CPU time in each are 15,000 for one, and network traffic; then it
 * stays so down to 5000.
 */
function seemsNow({ use, settings }: DomainView, rates: Rates, is: Activity | undefined): Activity {
  if (/^(fifo|round-robin):/.test(`${settings.sched}`)) return 'time-critical'
  const milli = use[CPU] ?? 0
  for (const kind of KINDS) {
    const { perSecond, perCpuSecond } = LEAST[kind]
    const part = kind === is ? STAYS : 1
    if (rates[kind] >= part * perSecond && rates[kind] * 1000 >= part * perCpuSecond * milli) return kind
  }
  return milli < IDLE_MILLI * (is === 'compute' ? STAYS : 1) ? 'idle' : 'compute'
}

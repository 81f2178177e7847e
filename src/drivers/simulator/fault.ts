import type { Knob } from '#core/model/observation.ts'
import { createPrng } from '#lib/prng.ts'

/** What goes wrong, and when: milliseconds of simulated time. Faults without an end last for ever. */
export type Fault =
  /**
   * A domain ends, and may come back as another of the same name. `afterLook` waits for the first observation at or
   * after that time: the domain is seen once more and is gone when the plan reaches it, which is the worst moment.
   */
  | {
      readonly kind: 'vanish'
      readonly domain: string
      readonly atMs: number
      readonly backAtMs?: number
      readonly afterLook?: boolean
    }
  /** Writing a knob of a domain fails with this error code. */
  | {
      readonly kind: 'write-fails'
      readonly domain: string
      readonly knob: Knob
      readonly code: string
      readonly atMs: number
      readonly untilMs?: number
    }
  /** From then on the host has these CPUs, of those that it was made with. */
  | { readonly kind: 'cpus'; readonly online: readonly number[]; readonly atMs: number }
  /** No new readings of a metric. */
  | { readonly kind: 'metric-stops'; readonly metric: string; readonly atMs: number; readonly untilMs?: number }
  /** Readings of a metric that are taken meanwhile come so much later, with the time at which they were taken. */
  | {
      readonly kind: 'metric-late'
      readonly metric: string
      readonly byMs: number
      readonly atMs: number
      readonly untilMs?: number
    }

/** True while a fault that lasts is there. */
export function isDuring(fault: { readonly atMs: number; readonly untilMs?: number }, nowMs: number): boolean {
  return nowMs >= fault.atMs && nowMs < (fault.untilMs ?? Number.POSITIVE_INFINITY)
}

/** What faults are drawn for. */
export interface FaultScene {
  readonly seed: number
  readonly durationMs: number
  readonly perMinute: number
  readonly cpus: number
  readonly domains: readonly string[]
  /** Those of which there are readings: nothing would come of a fault of another. */
  readonly metrics: readonly string[]
}

const KNOBS: readonly Knob[] = ['cpu.weight', 'cpu.quota', 'cpu.set']
const CODES = ['EIO', 'EINVAL', 'EBUSY', 'ENOSPC']
/** Mean time for which a fault lasts, and by which a reading is late. */
const LASTS_MS = 5000

/** A plan of faults by chance, from a stream of its own: the load of the same seed stays what it is without them. */
export function drawFaults({ seed, durationMs, perMinute, cpus, domains, metrics }: FaultScene): Fault[] {
  const prng = createPrng(seed, 'faults')
  const choose = <Item>(from: readonly Item[]): Item => from[prng.integer(from.length)] as Item
  const draw = (atMs: number): readonly Fault[] => {
    const untilMs = atMs + prng.exponential(LASTS_MS)
    const kinds = [...(cpus > 1 ? ['cpus'] : []), ...(metrics.length > 0 ? ['metric-stops', 'metric-late'] : [])]
    switch (choose([...kinds, ...(domains.length > 0 ? ['vanish', 'write-fails'] : [])])) {
      case 'vanish':
        return [{ kind: 'vanish', domain: choose(domains), atMs, backAtMs: untilMs, afterLook: prng.next() < 0.5 }]
      case 'write-fails':
        return [
          { kind: 'write-fails', domain: choose(domains), knob: choose(KNOBS), code: choose(CODES), atMs, untilMs },
        ]
      case 'metric-stops':
        return [{ kind: 'metric-stops', metric: choose(metrics), atMs, untilMs }]
      case 'metric-late':
        return [{ kind: 'metric-late', metric: choose(metrics), byMs: prng.exponential(LASTS_MS), atMs, untilMs }]
      case 'cpus':
        return [
          { kind: 'cpus', online: firstCpus(1 + prng.integer(cpus - 1)), atMs },
          { kind: 'cpus', online: firstCpus(cpus), atMs: untilMs },
        ]
      default:
        return []
    }
  }
  const faults: Fault[] = []
  const gap = (): number => prng.exponential(60_000 / perMinute)
  for (let atMs = gap(); atMs < durationMs; atMs += gap()) faults.push(...draw(atMs))
  return faults
}

export function firstCpus(count: number): number[] {
  return Array.from({ length: count }, (_, cpu) => cpu)
}

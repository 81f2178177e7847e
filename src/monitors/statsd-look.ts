import type { MetricSourcePolicy } from '#core/model/policy.ts'
import type { Clock } from '#ports.ts'
import { type Found, oneValue, UNCHANGED } from './board.ts'
import { createSampleWindow, tooFew } from './samples.ts'
import type { StatsdLine } from './statsd-lines.ts'
import type { BucketListener, StatsdPort } from './statsd-port.ts'

type StatsdSource = Extract<MetricSourcePolicy, { readonly kind: 'statsd' }>

/** Where more arrive within a window, the newest count: so many take 1 ms to sort. */
const SAMPLES_MOST = 10_000
const NO_WINDOWS = [] as const

/** What has arrived in a bucket since it was asked last. */
interface Gathered {
  /** @throws where the line cannot be used. */
  add(line: StatsdLine, nowMs: number): void
  found(nowMs: number): Found
}

/** A bucket that is listened to. */
export interface StatsdLook {
  look(): Promise<Found>
  close(): Promise<void>
}

/**
 * What applications send to a StatsD bucket. A bucket in which nothing arrives gives no reading, not a 0: who has no
 * events to count says so (`0|c`), and who is gone says nothing.
 */
export function statsdLook(source: StatsdSource, port: StatsdPort, clock: Clock): StatsdLook {
  const now = () => clock.now(NO_WINDOWS).monotonicMs
  const gathered = gathering(source.take, now())
  /** Of the lines since the last look, the first that could not be used. */
  let refused: string | null = null
  let isAwaited = true
  const listener: BucketListener = {
    bucket: source.bucket,
    line(line) {
      if (line.type === source.take.kind) {
        const fault = faultOf(line)
        refused ??= fault
        if (fault !== null) return
        isAwaited = false
        gathered.add(line, now())
      } else refused ??= `bucket ${source.bucket} is sent a ${line.type}, where the policy names a ${source.take.kind}`
    },
    refuse(reason) {
      refused ??= reason
    },
  }
  port.listen(listener)

  return {
    async look() {
      await port.open().catch((error) => {
        isAwaited = true
        throw error
      })
      const fault = refused
      refused = null
      const found = gathered.found(now())
      if (found.kind === 'values') return { ...found, problem: fault }
      if (fault !== null) throw new Error(fault)
      return isAwaited ? { kind: 'waiting', reason: `nothing has been sent to bucket ${source.bucket} yet` } : found
    },
    close: () => port.leave(listener),
  }
}

/** A time or a count below nothing, or a value without bound, must not spoil those that arrive with it. */
function faultOf({ bucket, type, value }: StatsdLine): string | null {
  if (Number.isFinite(value) && (type === 'gauge' || value >= 0)) return null
  return `bucket ${bucket} is sent ${value}, which is no ${type}`
}

function gathering(take: StatsdSource['take'], nowMs: number): Gathered {
  switch (take.kind) {
    case 'gauge':
      return gauge()
    case 'counter':
      return counter(nowMs)
    case 'timer':
      return timer(take)
  }
}

/** The last value, as old as its arrival. A gauge that is moved before it is set is moved from 0, as StatsD does. */
function gauge(): Gathered {
  let value = 0
  let atMs: number | null = null
  return {
    add(line, nowMs) {
      value = line.isDelta ? value + line.value : line.value
      atMs = nowMs
    },
    found() {
      if (atMs === null) return UNCHANGED
      const found = oneValue(value, atMs)
      atMs = null
      return found
    },
  }
}

/** Events per second since the last look; one that is sent at a rate of 0.1 stands for ten. */
function counter(startedMs: number): Gathered {
  let count = 0
  let isHeard = false
  let sinceMs = startedMs
  return {
    add({ value, rate }) {
      count += value / rate
      isHeard = true
    },
    found(nowMs) {
      const elapsedMs = nowMs - sinceMs
      // The first look comes at once, and a rate needs a while.
      if (elapsedMs <= 0) return UNCHANGED
      const found = isHeard ? oneValue((1000 * count) / elapsedMs, nowMs) : UNCHANGED
      count = 0
      isHeard = false
      sinceMs = nowMs
      return found
    },
  }
}

function timer({ quantile, windowMs, samplesLeast }: Extract<StatsdSource['take'], { kind: 'timer' }>): Gathered {
  const window = createSampleWindow(windowMs, SAMPLES_MOST)
  let lastMs: number | null = null
  return {
    add({ value }, nowMs) {
      window.add(value, nowMs)
      lastMs = nowMs
    },
    found(nowMs) {
      if (lastMs === null) return UNCHANGED
      const count = window.count(nowMs)
      if (count < samplesLeast) return { kind: 'waiting', reason: tooFew(count, samplesLeast, windowMs) }
      const found = oneValue(window.quantile(quantile, nowMs), lastMs)
      lastMs = null
      return found
    },
  }
}

import type { MetricReading } from '#core/model/observation.ts'
import type { MetricSource } from '#ports.ts'
import type { MetricFault } from './draw-story.ts'
import type { Hands } from './hands.ts'

const HISTORY = 8

/** Readings as they may come on a bad day: not at all, of long ago, nonsense, or in another unit. */
export function faultyMetrics(source: MetricSource, faults: readonly MetricFault[], hands: Hands): MetricSource {
  const history: (readonly MetricReading[])[] = []
  const stuck = new Map<MetricFault, number>()

  function spoilt(reading: MetricReading): MetricReading | null {
    const fault = faults.find(({ metric, fromMs, untilMs }) => {
      return metric === reading.metric && hands.nowMs >= fromMs && hands.nowMs < untilMs
    })
    switch (fault?.kind) {
      case 'lost':
        return null
      case 'nan':
        return { ...reading, value: Number.NaN }
      case 'negative':
        return { ...reading, value: -1 - reading.value }
      case 'infinite':
        return { ...reading, value: Number.POSITIVE_INFINITY }
      case 'constant':
        if (!stuck.has(fault)) stuck.set(fault, reading.value)
        return { ...reading, value: stuck.get(fault) as number }
      case 'delayed':
        return history[0]?.find(({ metric }) => metric === reading.metric) ?? null
      case 'unit':
        return { ...reading, value: reading.value * 1000 }
      case 'future':
        return { ...reading, takenAtMs: reading.takenAtMs + 60_000 }
      default:
        return reading
    }
  }

  return {
    start: (metric) => source.start(metric),
    latest() {
      const readings = source.latest()
      history.push(readings)
      if (history.length > HISTORY) history.shift()
      return readings.flatMap((reading) => {
        const told = spoilt(reading)
        return told === null ? [] : [{ ...told, takenAtMs: told.takenAtMs - hands.bootedMs }]
      })
    },
    // A daemon that ends takes nobody's metrics away.
    close: async () => {},
  }
}

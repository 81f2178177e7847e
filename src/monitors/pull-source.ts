import type { MetricPolicy } from '#core/model/policy.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Clock, MetricSource } from '#ports.ts'
import { createBoard, type Found, type Teller } from './board.ts'
import { commandLook, type SurroundingsOf } from './command-look.ts'
import { every } from './every.ts'
import { fifoLook } from './fifo-look.ts'
import { fileLook } from './file-look.ts'
import { httpLook } from './http-look.ts'
import type { MetricProblem } from './last-readings.ts'
import { prometheusLook } from './prometheus-look.ts'
import { scrapeLook } from './scrape-look.ts'
import { statsdLook } from './statsd-look.ts'
import { createStatsdPort, type StatsdPort } from './statsd-port.ts'
import { unhurried } from './unhurried.ts'

/** What the sources need of the host. */
export interface PullParts {
  readonly clock: Clock
  readonly surroundingsOf: SurroundingsOf
  readonly tell: Teller
}

/** All sources at which Reeve looks itself. */
export interface PullSource extends MetricSource {
  /** Ends what this policy does not have as it was; all else goes on and keeps what it has gathered. */
  keepOnly(metrics: readonly MetricPolicy[]): Promise<void>
  /** Why metrics have no new reading now, and whose readings may be stuck. */
  problems(): readonly MetricProblem[]
}

/** One way to look at one metric, every interval. */
interface Looker {
  /** @throws with a message for the operator where there is nothing to be had. */
  look(signal: AbortSignal): Promise<Found>
  close(): void | Promise<void>
}

interface Running {
  /** The policy's words on it: while they stay, it goes on. */
  readonly words: string
  stop(): Promise<void>
}

/**
 * Looks at every metric at its interval, beside the turns: what is slow makes a reading old, never a turn late. A look
 * that fails is said once and tried again at the next interval; its metric becomes stale meanwhile.
 */
export function createPullSource({ clock, surroundingsOf, tell }: PullParts): PullSource {
  const board = createBoard(tell)
  const running = new Map<string, Running>()
  const ports = new Map<number, StatsdPort>()

  function portOf(number: number): StatsdPort {
    const port = ports.get(number) ?? createStatsdPort(number)
    ports.set(number, port)
    return port
  }

  /** null for a metric that is pushed, or counted by the driver. */
  function lookerOf(metric: MetricPolicy): Looker | null {
    const { source } = metric
    const nothingToClose = () => {}
    switch (source.kind) {
      case 'push':
      case 'counter':
        return null
      case 'file':
        return { look: unhurried(source.path, fileLook(source, clock)), close: nothingToClose }
      case 'prometheus':
        return { look: prometheusLook(source, clock), close: nothingToClose }
      case 'scrape':
        return { look: scrapeLook(source, metric.staleMs, clock), close: nothingToClose }
      case 'http':
        return { look: httpLook(source, metric.intervalMs, clock), close: nothingToClose }
      case 'command':
        return { look: commandLook(source, surroundingsOf, clock), close: nothingToClose }
      case 'fifo': {
        const { look, close } = fifoLook(source.path, clock, {
          take: (found) => board.take(metric, found),
          fail: (reason) => board.fail(metric, reason),
        })
        return { look: unhurried(source.path, look), close }
      }
      case 'statsd':
        return statsdLook(source, portOf(source.port), clock)
    }
  }

  async function lookOnce(metric: MetricPolicy, looker: Looker, signal: AbortSignal): Promise<void> {
    try {
      const found = await looker.look(signal)
      if (!signal.aborted) board.take(metric, found)
    } catch (error) {
      if (!signal.aborted) board.fail(metric, reasonOf(error))
    }
  }

  async function end(name: string, its: Running): Promise<void> {
    running.delete(name)
    await its.stop()
    board.forget(name)
  }

  return {
    start(metric) {
      const looker = running.has(metric.name) ? null : lookerOf(metric)
      if (looker === null) return
      const stopLooking = every(clock, metric.intervalMs, (signal) => lookOnce(metric, looker, signal))
      running.set(metric.name, {
        words: JSON.stringify(metric),
        async stop() {
          await stopLooking()
          await looker.close()
        },
      })
    },
    async keepOnly(metrics) {
      const kept = new Map(metrics.map((metric) => [metric.name, JSON.stringify(metric)]))
      const ended = [...running].filter(([name, { words }]) => kept.get(name) !== words)
      await Promise.all(ended.map(([name, its]) => end(name, its)))
    },
    latest: () => board.readings(),
    problems: () => board.problems(),
    async close() {
      await Promise.all([...running].map(([name, its]) => end(name, its)))
    },
  }
}

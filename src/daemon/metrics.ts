import type { MetricReading } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { surroundingsOf } from '#drivers/cgroup/command.ts'
import type { Teller } from '#monitors/board.ts'
import type { MetricProblem } from '#monitors/last-readings.ts'
import { createPullSource } from '#monitors/pull-source.ts'
import { createPushSource, type PushSource } from '#monitors/push-source.ts'
import { newTally, type Tally } from '#monitors/reading.ts'
import type { Clock, MetricSource } from '#ports.ts'

/** All metric sources of the daemon as one, and following the policy. */
export interface Metrics {
  readonly push: PushSource
  readonly tally: Tally
  latest(): readonly MetricReading[]
  /** Why metrics at which Reeve looks itself have no new reading now, and which of all may be stuck. */
  problems(): readonly MetricProblem[]
  /** Reads what this policy names, and no longer what only the one before named; what both name goes on. */
  follow(policy: Pick<Policy, 'metrics'>): Promise<void>
  close(): Promise<void>
}

/** `extra` sources are whatever the daemon was composed with beyond those that a policy can name. */
export function createMetrics(clock: Clock, extra: readonly MetricSource[], tell: Teller): Metrics {
  const tally = newTally()
  const push = createPushSource(clock, tally)
  const pull = createPullSource({ clock, surroundingsOf, tell })
  return {
    push,
    tally,
    latest: () => [pull, push, ...extra].flatMap((source) => source.latest()),
    problems: () => [...pull.problems(), ...push.problems()],
    async follow({ metrics }) {
      push.keepOnly(metrics)
      await pull.keepOnly(metrics)
      for (const metric of metrics) for (const source of [pull, push, ...extra]) source.start(metric)
    },
    async close() {
      await Promise.all([pull, push, ...extra].map((source) => source.close()))
    },
  }
}

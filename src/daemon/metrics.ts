import type { MetricReading } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { createFileSource } from '#monitors/file-source.ts'
import { createPushSource, type PushSource } from '#monitors/push-source.ts'
import { newTally, type Tally } from '#monitors/reading.ts'
import type { Clock, MetricSource } from '#ports.ts'

/** All metric sources of the daemon as one, and following the policy. */
export interface Metrics {
  readonly push: PushSource
  readonly tally: Tally
  latest(): readonly MetricReading[]
  /** Reads what this policy names, and no longer what only the one before named. */
  follow(policy: Policy): Promise<void>
  close(): Promise<void>
}

/** `extra` sources are whatever the daemon was composed with beyond files and pushed values. */
export function createMetrics(clock: Clock, extra: readonly MetricSource[]): Metrics {
  const tally = newTally()
  const push = createPushSource(clock, tally)
  let files = createFileSource(clock, tally)
  return {
    push,
    tally,
    latest: () => [files, push, ...extra].flatMap((source) => source.latest()),
    async follow({ metrics }) {
      const before = files
      files = createFileSource(clock, tally)
      push.keepOnly(metrics)
      for (const metric of metrics) for (const source of [files, push, ...extra]) source.start(metric)
      await before.close()
    },
    async close() {
      await Promise.all([files, push, ...extra].map((source) => source.close()))
    },
  }
}

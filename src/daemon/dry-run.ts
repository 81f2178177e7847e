import { hostname } from 'node:os'
import type { PlanReport } from '#api/contract.ts'
import { decide } from '#core/decide.ts'
import type { Decision } from '#core/model/decision.ts'
import { type Knowledge, NO_KNOWLEDGE } from '#core/model/knowledge.ts'
import type { MetricSourcePolicy, Policy } from '#core/model/policy.ts'
import { composeDrivers } from '#drivers/compose.ts'
import type { Clock, Driver } from '#ports.ts'
import { SILENT } from './log.ts'
import { createMetrics } from './metrics.ts'
import { observe } from './observe.ts'

/** Who looks at these starts something, or takes away what is meant for the daemon. */
const DISTURBING: ReadonlySet<MetricSourcePolicy['kind']> = new Set(['command', 'fifo', 'statsd'])

/**
 * What a policy would do here: the real decision from two real looks, an interval apart, since use is the difference of
 * two. Nothing is set, nothing is recorded, and no command of the policy is started, nor is any metric's.
 */
export async function decideForShow(policy: Policy, drivers: readonly Driver[], clock: Clock): Promise<PlanReport> {
  const driver = composeDrivers(drivers)
  const metrics = createMetrics(clock, [], SILENT)
  try {
    await driver.prepare(withoutCommands(policy))
    await metrics.follow({ metrics: policy.metrics.filter(({ source }) => !DISTURBING.has(source.kind)) })
    let knowledge: Knowledge = NO_KNOWLEDGE
    let decision: Decision | null = null
    let dueMs = clock.now(policy.windows).monotonicMs
    for (let look = 0; look < 2; look++) {
      await clock.sleepUntil(dueMs, new AbortController().signal)
      dueMs += policy.host.intervalMs
      // To prepare was the first look.
      if (look > 0) await driver.look()
      const occasion = { policy, paused: false, events: [], reclaimed: [], outcomes: [], slow: true }
      const observation = await observe({ host: hostname(), driver, clock, metrics }, occasion)
      const decided = decide(policy, observation, knowledge)
      // What was planned at first sight was not set, so only what was seen is kept of it.
      knowledge = { ...decided.knowledge, set: {} }
      decision = decided.decision
    }
    const { turn, verdict, plan, advice } = decision as Decision
    return { kind: 'dry-run', turn, verdict, plan: [...plan], advice: [...(advice?.plan ?? [])] }
  } finally {
    await metrics.close()
  }
}

/** A command's domain is then one to be found by its name: it is there if Reeve runs already. */
function withoutCommands(policy: Policy): Policy {
  const domains = policy.domains.map((domain) =>
    domain.match.kind === 'command' ? { ...domain, match: { kind: 'name' as const } } : domain,
  )
  return { ...policy, domains }
}

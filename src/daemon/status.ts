import type { DomainStatus, Status } from '#api/contract.ts'
import { narrowed } from '#core/metadata.ts'
import type { AmountDecision, ResourceDecision } from '#core/model/decision.ts'
import type { Policy } from '#core/model/policy.ts'
import type { Capability, Prepared } from '#ports.ts'
import type { LoopJournal } from './journal/volatile.ts'
import type { LoadedPolicy } from './load.ts'
import type { Turn } from './tick.ts'
import { goalViews } from './views.ts'

/** What the daemon knows of itself, from which a status is made. */
export interface StatusSource {
  readonly version: string
  readonly host: string
  readonly paused: boolean
  readonly loaded: LoadedPolicy
  readonly refused: Status['policy']['refused']
  readonly last: Turn | null
  readonly cpuMs: number
  readonly problems: Status['problems']
  readonly journal: Pick<LoopJournal, 'firstTurn' | 'lastTurn'>
  readonly journalPath: string
  readonly metrics: Status['metrics']
  readonly drivers: readonly string[]
  readonly capabilities: readonly Capability[]
  readonly prepared: readonly Prepared[]
}

export function statusOf(source: StatusSource): Status {
  const { loaded, last, journal } = source
  const { policy } = loaded
  // Where domains are only advised, what they would get is what people want to see.
  const isAdvice = last?.decision.advice != null && last.decision.plan.length === 0
  const resources = (isAdvice ? last?.decision.advice?.resources : last?.decision.resources) ?? []
  return {
    version: source.version,
    host: source.host,
    pid: process.pid,
    mode: policy.host.mode,
    paused: source.paused,
    policy: {
      file: loaded.file,
      hash: loaded.hash,
      warnings: [...loaded.warnings],
      refused: source.refused,
    },
    turn: last === null ? null : turnStatus(last, source.cpuMs),
    intervalMs: policy.host.intervalMs,
    problems: source.problems,
    journal: { path: source.journalPath, firstTurn: journal.firstTurn(), lastTurn: journal.lastTurn() },
    goals: goalViews(last?.decision.goals ?? [], policy),
    domains: domainsOf(policy, last, resources),
    resources: resources.map(({ resource, capacity, classes, unallocated }) => {
      const unit = policy.resources.find(({ key }) => key === resource)?.unit ?? 'count'
      return { resource, unit, capacity, classes: [...classes], unallocated }
    }),
    advice: isAdvice,
    metrics: source.metrics,
    drivers: [...source.drivers],
    capabilities: [...source.capabilities],
    prepared: [...source.prepared],
  }
}

function turnStatus(last: Turn, cpuMs: number): Status['turn'] {
  const { turn, decision, observation, outcomes } = last
  const { verdict, violations, drift } = decision
  return {
    turn,
    utcMs: observation.at.utcMs,
    cpuMs,
    verdict,
    violations: [...violations],
    drift: [...drift],
    outcomes: [...outcomes],
  }
}

/** Domains that run, in the order of the policy, then those that the policy names and that are absent. */
function domainsOf(policy: Policy, last: Turn | null, resources: readonly ResourceDecision[]): DomainStatus[] {
  const amounts = new Map<string, Record<string, AmountDecision>>()
  for (const { resource, rows } of resources) {
    for (const row of rows) {
      const its = amounts.get(row.domain) ?? {}
      its[resource] = row
      amounts.set(row.domain, its)
    }
  }
  const seen = last?.observation.domains ?? []
  const shown = seen.map((domain): DomainStatus => {
    const its = policy.domains[domain.policyIndex]
    const role = its === undefined ? 'managed' : narrowed(its, domain).role
    const managed = role === 'managed' ? (its?.mode ?? policy.host.mode) : role
    const mode = domain.isOutside === true ? 'outside' : managed
    const refused = [...(domain.metadata?.refused ?? [])]
    const { name, state, lacks = {} } = domain
    const activity = last?.decision.activities?.[name] ?? null
    return { name, mode, state, amounts: amounts.get(name) ?? {}, activity, refused, lacks: { ...lacks } }
  })
  const names = new Set<string>(seen.map(({ name }) => name))
  for (const { name, mode, match } of policy.domains) {
    // A glob stands for whatever it matches; nothing that it matches is absent by name.
    if (names.has(name) || /[*?[]/.test(name)) continue
    const state = match.kind === 'parent' && amounts.has(name) ? 'running' : 'absent'
    const its = amounts.get(name) ?? {}
    const unknown = { activity: null, refused: [], lacks: {} }
    shown.push({ name, mode: mode ?? policy.host.mode, state, amounts: its, ...unknown })
  }
  return shown
}

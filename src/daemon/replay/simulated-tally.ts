import { countsArrivals } from '#core/estimate/counted.ts'
import type { Decision, GoalDecision } from '#core/model/decision.ts'
import type { DomainName, GoalId } from '#core/model/ids.ts'
import type { Goal, Policy } from '#core/model/policy.ts'
import { CPU } from '#core/model/resource.ts'
import type { DecidedAgain } from './again.ts'
import { foretold } from './answers.ts'
import type { SimulatedGoal, SimulatedRun } from './report.ts'
import type { Simulated } from './simulated-world.ts'

/** A time of nothing has no logarithm. */
const INDEX_LEAST = 1e-3

interface GoalTally {
  readonly goal: GoalId
  readonly domain: DomainName
  readonly recorded: { met: number; missed: number }
  /** Sums of the logarithms of the performance index. */
  readonly index: { was: number; now: number }
  readonly check: { turns: number; met: number; agreed: number; off: number }
  readonly now: { met: number; missed: number; unknown: number }
}

/** Adds up how goals stood on record, how the models would have told it, and how they would have stood. */
export class SimulatedTally {
  readonly #goals = new Map<string, GoalTally>()
  readonly #uses = new Map<DomainName, { turns: number; was: number; now: number }>()
  readonly #unknown = new Map<string, number>()

  /** Adds one turn: as it was, as it was simulated, and what was decided then by `policy`. */
  add({ record, policy: recorded }: DecidedAgain, simulated: Simulated, policy: Policy, now: Decision): void {
    for (const its of record.decision.goals) {
      const { status } = its
      if (status.kind !== 'met' && status.kind !== 'missed') continue
      const tally = this.#goal(its)
      tally.recorded[status.kind]++
      tally.index.was += Math.log(Math.max(status.index, INDEX_LEAST))
      check(tally, status, aimOf(recorded, its), simulated, its.domain)
    }
    for (const its of now.goals) {
      const { status } = its
      if (status.kind !== 'met' && status.kind !== 'missed') continue
      const tally = this.#goal(its)
      const aim = aimOf(policy, its)
      if (isCountedOtherwise(aim, its.domain, simulated, policy)) {
        this.#count(`what is counted as ${aim.metric} of ${its.domain}`)
        tally.now.unknown++
      } else if (!isKnown(aim, its.domain, simulated)) tally.now.unknown++
      else {
        tally.now[status.kind]++
        tally.index.now += Math.log(Math.max(status.index, INDEX_LEAST))
      }
    }
    for (const [domain, { use }] of simulated.answers) {
      const sums = this.#uses.getOrInsertComputed(domain, () => ({ turns: 0, was: 0, now: 0 }))
      sums.turns++
      sums.was += use.was
      sums.now += use.now
    }
    for (const { metric, domain } of simulated.unknown) {
      this.#count(domain === null ? `metric ${metric}` : `metric ${metric} of ${domain}`)
    }
    for (const name of simulated.silent) this.#count(`domain ${name}`)
  }

  run(): SimulatedRun {
    return {
      goals: [...this.#goals.values()].map(simulatedGoal),
      uses: [...this.#uses].map(([domain, { turns, was, now }]) => ({ domain, was: was / turns, now: now / turns })),
      unknown: [...this.#unknown].map(([what, turns]) => ({ what, turns })),
    }
  }

  #count(what: string): void {
    this.#unknown.set(what, (this.#unknown.get(what) ?? 0) + 1)
  }

  #goal({ goal, domain }: Pick<GoalDecision, 'goal' | 'domain'>): GoalTally {
    return this.#goals.getOrInsertComputed(`${goal} ${domain}`, () => ({
      goal,
      domain,
      recorded: { met: 0, missed: 0 },
      index: { was: 0, now: 0 },
      check: { turns: 0, met: 0, agreed: 0, off: 0 },
      now: { met: 0, missed: 0, unknown: 0 },
    }))
  }
}

function aimOf({ goals }: Policy, { goal }: GoalDecision): Goal['aim'] | null {
  return goals.find(({ id }) => id === goal)?.aim ?? null
}

/** What the model would have said beforehand of a turn's reading, beside what was read. */
function check(
  { check: sums }: GoalTally,
  { kind, measured, target }: { readonly kind: string; readonly measured: number; readonly target: number },
  aim: Goal['aim'] | null,
  { view, models }: Simulated,
  name: DomainName,
): void {
  if (aim === null || !('metric' in aim)) return
  const model = models.get(name)?.get(aim.metric) ?? null
  const domain = view.byName.get(name)
  const told =
    model === null || domain === undefined ? null : foretold(model, domain, view.seen.capacity[CPU]?.total ?? 0)
  if (told === null || told <= 0 || measured <= 0) return
  const isMet = model?.kind === 'time' ? told <= target : told >= target
  sums.turns++
  if (isMet) sums.met++
  if (isMet === (kind === 'met')) sums.agreed++
  sums.off += Math.abs(Math.log(measured / told))
}

/** A goal by a counter that depends on what a domain did, of one that did otherwise: counters stay as recorded. */
function isCountedOtherwise(
  aim: Goal['aim'] | null,
  domain: DomainName,
  { answers }: Simulated,
  { metrics }: Policy,
): aim is Extract<Goal['aim'], { readonly metric: string }> {
  if (aim === null || !('metric' in aim)) return false
  const metric = metrics.find(({ name }) => name === aim.metric)
  return metric?.source.kind === 'counter' && !countsArrivals(metric) && answers.get(domain)?.isOther === true
}

/** Whether how a goal stands follows from answers. */
function isKnown(aim: Goal['aim'] | null, domain: DomainName, { unknown, silent }: Simulated): boolean {
  if (aim === null || aim.kind === 'fixed') return true
  if (silent.has(domain)) return false
  if (aim.kind === 'utilization') return true
  return !unknown.some((its) => its.metric === aim.metric && (its.domain === domain || its.domain === null))
}

function simulatedGoal({ goal, domain, recorded, index, check, now }: GoalTally): SimulatedGoal {
  const mean = (sum: number, { met, missed }: GoalTally['recorded']) =>
    met + missed === 0 ? null : Math.exp(sum / (met + missed))
  const { turns, met, agreed, off } = check
  const told = turns === 0 ? null : { turns, met, agreed, off: Math.exp(off / turns) }
  return {
    goal,
    domain,
    recorded,
    check: told,
    now,
    index: { was: mean(index.was, recorded), now: mean(index.now, now) },
  }
}

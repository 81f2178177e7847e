import type { Decision, Verdict } from '#core/model/decision.ts'
import type { DomainName, GoalId, ResourceKey } from '#core/model/ids.ts'
import { knownResource } from '#core/model/resource.ts'
import { shownRows } from '#daemon/shown-rows.ts'
import type { AmountComparison, Comparison, GoalComparison, Means, VerdictName } from './report.ts'

/** What no replay can tell: of a world that does not answer back, and of one that answers by models. */
const LIMIT =
  'The world does not answer back: what was used, waited for and measured in these turns was so under the settings of ' +
  'then. What a domain would have done with more or less than it had, and whether a goal would have been met, no record tells.'
const SIMULATED_LIMIT =
  'These are answers of models, not of the world: what was observed, scaled by what was learned of the services. By how ' +
  'much these models were off for the recorded decisions says what their answers are worth; further from what was tried ' +
  'they are worth less, and close to a target the part of met turns is worth little. Memory and I/O stay as recorded.'

interface Sums {
  turns: number
  entitlement: number
  allocation: number
}

interface AmountTally {
  readonly domain: DomainName
  readonly resource: ResourceKey
  readonly was: Sums
  readonly now: Sums
  greatest: AmountComparison['greatest']
}

interface GoalTally {
  readonly goal: GoalId
  readonly domain: DomainName
  readonly needs: Set<ResourceKey>
  readonly recorded: { turns: number; met: number; missed: number }
  readonly short: { was: number; now: number }
  turnsNow: number
}

/** Adds up two ways to decide the same turns, whose number costs no memory. */
export class Tally {
  #turns = 0
  readonly #otherChanges: { turns: number; firstTurn: number | null } = { turns: 0, firstTurn: null }
  readonly #changes = { was: 0, now: 0 }
  readonly #verdicts = new Map<VerdictName, { was: number; now: number }>()
  readonly #amounts = new Map<string, AmountTally>()
  readonly #goals = new Map<string, GoalTally>()

  /** Adds one turn: as it was decided, and as it comes out now. */
  add(turn: number, was: Decision, now: Decision): void {
    this.#turns++
    this.#changes.was += was.plan.length
    this.#changes.now += now.plan.length
    if (changesOf(was) !== changesOf(now)) {
      this.#otherChanges.turns++
      this.#otherChanges.firstTurn ??= turn
    }
    this.#verdict(was.verdict).was++
    this.#verdict(now.verdict).now++
    this.#addAmounts(turn, was, now)
    for (const { goal, domain, status, short, need } of was.goals) {
      const tally = this.#goal(goal, domain)
      tally.recorded.turns++
      if (status.kind === 'met') tally.recorded.met++
      if (status.kind === 'missed') tally.recorded.missed++
      if (short !== null) tally.short.was++
      for (const key in need) tally.needs.add(key as ResourceKey)
    }
    for (const { goal, domain, short, need } of now.goals) {
      const tally = this.#goal(goal, domain)
      tally.turnsNow++
      if (short !== null) tally.short.now++
      for (const key in need) tally.needs.add(key as ResourceKey)
    }
  }

  comparison(isSimulated = false): Comparison {
    const amounts = [...this.#amounts.values()].map(amountComparison)
    return {
      turns: this.#turns,
      otherChanges: { ...this.#otherChanges },
      changes: { ...this.#changes },
      verdicts: [...this.#verdicts].map(([verdict, counts]) => ({ verdict, ...counts })),
      amounts,
      goals: [...this.#goals.values()].map((goal) => goalComparison(goal, amounts)),
      limit: isSimulated ? SIMULATED_LIMIT : LIMIT,
    }
  }

  #addAmounts(turn: number, was: Decision, now: Decision): void {
    const before = new Map<AmountTally, number>()
    for (const { of, row } of shownRows(was)) {
      const tally = this.#amount(row.domain, of.resource)
      add(tally.was, row)
      before.set(tally, row.allocation)
    }
    for (const { of, row } of shownRows(now)) {
      const tally = this.#amount(row.domain, of.resource)
      add(tally.now, row)
      const earlier = before.get(tally)
      if (earlier === undefined || earlier === row.allocation) continue
      const { greatest } = tally
      if (greatest !== null && Math.abs(row.allocation - earlier) <= Math.abs(greatest.now - greatest.was)) continue
      tally.greatest = { turn, was: earlier, now: row.allocation }
    }
  }

  #verdict(verdict: Verdict) {
    const name = verdict.kind === 'no-beneficial-change' ? verdict.reason : verdict.kind
    return this.#verdicts.getOrInsertComputed(name, () => ({ was: 0, now: 0 }))
  }

  #amount(domain: DomainName, resource: ResourceKey): AmountTally {
    const none = () => ({ turns: 0, entitlement: 0, allocation: 0 })
    const make = () => ({ domain, resource, was: none(), now: none(), greatest: null })
    return this.#amounts.getOrInsertComputed(`${resource} ${domain}`, make)
  }

  #goal(goal: GoalId, domain: DomainName): GoalTally {
    return this.#goals.getOrInsertComputed(`${goal} ${domain}`, () => ({
      goal,
      domain,
      needs: new Set<ResourceKey>(),
      recorded: { turns: 0, met: 0, missed: 0 },
      short: { was: 0, now: 0 },
      turnsNow: 0,
    }))
  }
}

/** What a plan comes to: `from` follows from where the two were before. */
function changesOf({ plan }: Decision): string {
  return plan.map(({ node, knob, to }) => `${node} ${knob} ${to}`).join('\n')
}

function add(sums: Sums, { entitlement, allocation }: Pick<Means, 'entitlement' | 'allocation'>): void {
  sums.turns++
  sums.entitlement += entitlement
  sums.allocation += allocation
}

function meansOf({ turns, entitlement, allocation }: Sums): Means | null {
  return turns === 0 ? null : { turns, entitlement: entitlement / turns, allocation: allocation / turns }
}

function amountComparison({ domain, resource, was, now, greatest }: AmountTally): AmountComparison {
  // What a policy declares is only counted.
  const unit = knownResource(resource)?.unit ?? 'count'
  return { domain, resource, unit, was: meansOf(was), now: meansOf(now), greatest }
}

function goalComparison(
  { goal, domain, needs, recorded, short, turnsNow }: GoalTally,
  amounts: readonly AmountComparison[],
): GoalComparison {
  return {
    goal,
    domain,
    recorded: recorded.turns === 0 ? null : { ...recorded },
    short: { was: recorded.turns === 0 ? null : short.was, now: turnsNow === 0 ? null : short.now },
    entitlements: amounts
      .filter((its) => its.domain === domain && needs.has(its.resource))
      .map(({ resource, unit, was, now }) => {
        return { resource, unit, was: was?.entitlement ?? null, now: now?.entitlement ?? null }
      }),
  }
}

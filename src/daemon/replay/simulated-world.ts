import { look, type View } from '#core/look.ts'
import type { DomainName } from '#core/model/ids.ts'
import type { DomainObservation, MetricReading, Observation } from '#core/model/observation.ts'
import { CPU } from '#core/model/resource.ts'
import { reconcile } from '#core/reconcile.ts'
import type { DecidedAgain } from './again.ts'
import { type Answer, answeredReading, answersTo } from './answers.ts'
import { advanced, type Counter, countedOn, type DomainCounters, usedMore, withCounters } from './counters.ts'
import { mostOf } from './division.ts'
import { isService, type Model, modelsOf } from './learned.ts'

/** A recorded turn as it would have been, and where that comes from. */
export interface Simulated {
  readonly observation: Observation
  /** The turn as recorded, looked at. */
  readonly view: View
  readonly answers: ReadonlyMap<DomainName, Answer>
  /** What the recorded Reeve had learned before the turn. */
  readonly models: Models
  /** Readings that would have been others, of which no model tells: they are shown as recorded. */
  readonly unknown: readonly MetricReading[]
  /** Domains that were set otherwise than on record, and of which nobody knows what they would have done. */
  readonly silent: ReadonlySet<DomainName>
}

/** By domain and metric; null where a goal goes by the metric and nothing that can be trusted was learned. */
export type Models = ReadonlyMap<DomainName, ReadonlyMap<string, Model | null>>

/** Of one metric and domain. */
interface Read {
  readonly reading: MetricReading
  /** null where nothing is known. */
  readonly value: number | null
}

/**
 * The host of a record, answering to what the other Reeve has set: each observation shows use, waiting and readings as
 * the models tell them (`answers.ts`). Counters go on from what was shown before, so that every rate that is made of
 * them is the answer's, also where a domain was not seen for a while. What is not answered is shown as recorded.
 */
export class SimulatedWorld {
  readonly #domains = new Map<DomainName, DomainCounters>()
  readonly #readings = new Map<string, Read>()
  readonly #owed = new Map<DomainName, number>()
  #host: Counter | null = null
  #bootId = ''

  /** `shown` is the turn's observation with the settings as the other has left them; the turns come one after the other. */
  answer({ record, policy, known }: DecidedAgain, shown: Observation): Simulated {
    const { observation: recorded } = record
    if (this.#bootId !== recorded.at.bootId) this.#forget(recorded.at.bootId)
    const view = look(policy, recorded, reconcile(known, recorded))
    const models = new Map(view.domains.map((its) => [its.name, modelsOf(policy, its.known?.goals ?? {})]))
    const answers = answersTo(view, shown, this.#owedIn(view))
    for (const [name, { owed }] of answers) this.#owed.set(name, owed)
    const silent = silentIn(recorded, shown, answers)
    const readings = shown.metrics.map((reading) => this.#read(reading, models, answers, silent))
    const seen = {
      ...shown,
      ...this.#used(shown, answers),
      metrics: readings.map(({ reading, value }) => (value === null ? reading : { ...reading, value })),
    }
    const unknown = readings.flatMap(({ reading, value }) => (value === null ? [reading] : []))
    return { observation: seen, view, answers, models, unknown, silent }
  }

  #forget(bootId: string): void {
    this.#bootId = bootId
    this.#domains.clear()
    this.#readings.clear()
    this.#owed.clear()
    this.#host = null
  }

  /** The services, with what they owe; another one of the same name owes nothing. */
  #owedIn({ policy, domains }: View): Map<DomainName, number> {
    for (const { name, known } of domains) if (known === null) this.#owed.delete(name)
    const services = domains.filter(({ known }) => isService(policy, known?.goals ?? {}))
    return new Map(services.map(({ name }) => [name, this.#owed.get(name) ?? 0]))
  }

  /** What the domains and the host have used by then. */
  #used(shown: Observation, answers: Simulated['answers']): Pick<Observation, 'domains' | 'capacity'> {
    let more = 0
    const domains = shown.domains.map((domain): DomainObservation => {
      const before = this.#domains.get(domain.name) ?? null
      const now = countedOn(before, domain, answers.get(domain.name) ?? null)
      this.#domains.set(domain.name, now)
      more += usedMore(now) - (before?.identity === now.identity ? usedMore(before) : 0)
      return withCounters(domain, now)
    })
    const host = shown.capacity[CPU]
    if (host === undefined || host.used === null) return { domains, capacity: shown.capacity }
    this.#host = advanced(this.#host, host.used, 1, more)
    return { domains, capacity: { ...shown.capacity, [CPU]: { ...host, used: this.#host.shown } } }
  }

  /** A reading stays what it was when it was first seen, however long it is shown. */
  #read(reading: MetricReading, models: Models, answers: Simulated['answers'], silent: Simulated['silent']): Read {
    const key = `${reading.metric} ${reading.domain ?? ''}`
    const before = this.#readings.get(key)
    if (before?.reading.takenAtMs === reading.takenAtMs && before.reading.value === reading.value) return before
    const read = { reading, value: answeredValue(reading, models, answers, silent) }
    this.#readings.set(key, read)
    return read
  }
}

/** A reading of no domain in particular is of the domain whose goals go by it, where that is one. */
function answeredValue(
  { metric, domain, value }: MetricReading,
  models: Models,
  answers: Simulated['answers'],
  silent: Simulated['silent'],
): number | null {
  const concerned = domain === null ? [...models.keys()].filter((name) => models.get(name)?.has(metric)) : [domain]
  if (concerned.some((name) => silent.has(name))) return null
  const others = concerned.filter((name) => answers.get(name)?.isOther === true)
  if (others.length === 0) return value
  const [name] = others
  if (name === undefined || concerned.length > 1) return null
  return answeredReading(value, answers.get(name) as Answer, models.get(name)?.get(metric) ?? null)
}

/** Whose settings of CPU are others, and nothing is known of it: it was just seen for the first time, or stood still. */
function silentIn(recorded: Observation, shown: Observation, answers: Simulated['answers']): Set<DomainName> {
  const before = new Map(recorded.domains.map((domain) => [domain.name, domain]))
  const weights = new Map(recorded.nodes.map(({ id, weight }) => [id, weight]))
  const otherWeights = new Set(shown.nodes.flatMap(({ id, weight }) => (weights.get(id) === weight ? [] : [id])))
  const isSilent = (domain: DomainObservation): boolean => {
    const was = before.get(domain.name)
    if (was === undefined || domain.isOutside === true) return false
    if (was.state === 'paused' && domain.state === 'running') return true
    return !answers.has(domain.name) && (otherWeights.has(domain.node) || mostOf(was) !== mostOf(domain))
  }
  return new Set(shown.domains.filter(isSilent).map(({ name }) => name))
}

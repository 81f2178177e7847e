import type { Need } from '#core/estimate/estimate.ts'
import type { View } from '#core/look.ts'
import type { ForecastDecision } from '#core/model/decision.ts'
import type { DomainName } from '#core/model/ids.ts'
import { type ForecastKnowledge, NO_KNOWLEDGE } from '#core/model/knowledge.ts'
import type { Goal, Policy } from '#core/model/policy.ts'
import { CPU } from '#core/model/resource.ts'
import { domain, goal, policy } from '#core/world.fixture.ts'
import { foresee } from './foresee.ts'

/** Days of needs, a turn a minute, with nothing of a host around them. Minutes count from a Monday at midnight UTC. */
export class Days {
  knowledge: ForecastKnowledge = NO_KNOWLEDGE.forecast
  minute = 0
  /** By so many minutes the clock is wrong. */
  wrongBy = 0
  boots = 1
  #last = { bootId: '', monotonicMs: 0 }
  without: readonly 'forecast'[] = []
  /** Local time for the zone of the policy, by UTC minute; null where it has none. */
  local: ((minute: number) => string) | null = null
  readonly #goal: Goal
  readonly #policy: Policy

  constructor(upTo: Goal['upTo'] = {}) {
    this.#goal = goal('shop', 1, { kind: 'utilization', resource: CPU, target: 0.75 }, { upTo })
    this.#policy = policy([domain('shop')], [this.#goal])
  }

  /**
   * One minute in which so much is needed; null where nothing is asked for. Returns what is asked for after the forecast,
   * and what forecasts say.
   */
  turn(
    needed: number | null,
    { events = [], starting = [] }: { readonly events?: readonly string[]; readonly starting?: readonly string[] } = {},
  ): { readonly need: number | undefined; readonly said: readonly ForecastDecision[] } {
    const bootId = `boot ${this.boots}`
    const monotonicMs = MONDAY_MS + this.minute * 60_000
    const utcMs = monotonicMs + this.wrongBy * 60_000
    const zones: Record<string, string> = this.local === null ? {} : { Here: this.local(this.minute) }
    const view = {
      policy: {
        ...this.#policy,
        host: { ...this.#policy.host, without: this.without },
        windows: this.local === null ? [] : [{ name: 'any', patterns: ['* * * * *'], zone: 'Here' }],
      },
      seen: {
        at: { bootId, monotonicMs, utcMs, zones, openWindows: [] },
        events,
        capacity: { [CPU]: { total: 4000, used: null } },
      },
      known: {
        ...NO_KNOWLEDGE,
        turn: this.minute + 1,
        bootId: this.#last.bootId,
        lastAtMs: this.#last.monotonicMs,
        forecast: this.knowledge,
      },
      domains: starting.map((name) => ({ name: name as DomainName, known: null })),
    } as unknown as View
    const need: Need = {
      goal: this.#goal,
      domain: 'shop' as DomainName,
      status: { kind: 'met', measured: 0.5, target: 0.75, index: 0.7 },
      need: needed === null ? {} : { [CPU]: needed },
      least: {},
      cut: {},
      because: { kind: 'utilization', resource: CPU, wanted: 1, target: 0.75, heldBack: false },
      forecasts: [],
      measuredAtMs: null,
      memory: {},
    }
    const { needs, forecast } = foresee(view, [need])
    this.knowledge = forecast
    this.#last = { bootId, monotonicMs }
    this.minute++
    return { need: needs[0]?.need[CPU], said: needs[0]?.forecasts ?? [] }
  }

  /** Until a minute of the clock, `[day, hour, minute]`; day 1 is the first Monday. */
  until([day, hour, minute]: readonly [number, number, number], needed: (minuteOfDay: number, day: number) => number) {
    const end = (day - 1) * 1440 + hour * 60 + minute
    let last: ReturnType<Days['turn']> = { need: undefined, said: [] }
    while (this.minute < end) last = this.turn(needed(this.minute % 1440, Math.floor(this.minute / 1440) + 1))
    return last
  }
}

/** 2026-01-05. */
const MONDAY_MS = 20_458 * 86_400_000

import type { Condition, Policy } from '#core/model/policy.ts'

/** An event that no goal waits for. The HTTP side tells it by its name. */
export class UnknownEvent extends Error {
  override readonly name = 'UnknownEvent'
}

/** When each event that is on ends, in UTC milliseconds: on record, so that a restart does not end a sale. */
export type Ends = Readonly<Record<string, number>>

/** Events that were reported and are not over; goals with `onEvent` count while theirs is. */
export class Events {
  #ends: Ends
  readonly #record: (ends: Ends) => void

  constructor(ends: Ends, record: (ends: Ends) => void) {
    this.#ends = ends
    this.#record = record
  }

  /**
   * Begins an event, or says anew when it ends; 0 seconds end it. Returns when it ends.
   * @throws {UnknownEvent} where no goal of the policy waits for it.
   */
  begin(event: string, seconds: number, { goals }: Policy, utcMs: number): number {
    if (!goals.some(({ conditions }) => conditions.some((its) => its.kind === 'event' && its.event === event))) {
      const known = new Set(goals.flatMap(({ conditions }) => conditions.flatMap(eventOf)))
      const others = known.size === 0 ? 'it has no goal with `onEvent`' : `it knows ${[...known].join(', ')}`
      throw new UnknownEvent(`no goal of the policy waits for the event ${JSON.stringify(event)}; ${others}`)
    }
    const ends = utcMs + seconds * 1000
    this.#ends = { ...this.#ends, [event]: ends }
    this.#record(this.#ends)
    return ends
  }

  /** Names of those that are on, in the order in which they were first reported. */
  on(utcMs: number): string[] {
    const all = Object.entries(this.#ends)
    const left = all.filter(([, ends]) => ends > utcMs)
    if (left.length < all.length) {
      this.#ends = Object.fromEntries(left)
      this.#record(this.#ends)
    }
    return left.map(([event]) => event)
  }
}

const eventOf = (its: Condition): string[] => (its.kind === 'event' ? [its.event] : [])

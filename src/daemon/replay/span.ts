import type { TurnRecord } from '#ports.ts'
import type { Span } from './report.ts'

/** From the first to the last of the turns that are added. */
export class SpanOf {
  #span: Span | null = null

  add({ turn, observation }: TurnRecord): void {
    const { utcMs } = observation.at
    const { firstTurn, fromUtcMs } = this.#span ?? { firstTurn: turn, fromUtcMs: utcMs }
    this.#span = { firstTurn, fromUtcMs, lastTurn: turn, toUtcMs: utcMs }
  }

  /** null where none was added. */
  get span(): Span | null {
    return this.#span
  }
}

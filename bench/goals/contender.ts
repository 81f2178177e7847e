import type { Family } from './acts.ts'
import type { Terms } from './cast.ts'
import type { Stage } from './stage.ts'

/** Whoever chooses settings for the domains on the stage. */
export interface Contender {
  readonly name: string
  /** The one family in which it differs from every other contender, where there is such a one. */
  readonly onlyIn?: Family
  /** Resolves when it is at work. */
  start(stage: Stage, terms: Terms): Promise<Running>
}

export interface Running {
  /** Tells it other terms; resolves when it has been told. */
  reload(terms: Terms): Promise<void>
  /** CPU that its own processes have used so far; 0 where it has none. */
  cpuSeconds(): number
  /** Its process is gone when it resolves. Settings stay as they are. */
  stop(): Promise<void>
}

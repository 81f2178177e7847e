import type { ReleaseReport } from '#api/contract.ts'
import type { Policy } from '#core/model/policy.ts'
import type { Clock, Driver, RememberedSetting } from '#ports.ts'
import type { Log } from './log.ts'
import type { Originals } from './originals.ts'
import { notManaged } from './release.ts'

/** What could not be put back is tried again after so many turns, then after twice as many, and so on, up to this. */
const AGAIN_TURNS = 10
const AGAIN_TURNS_MOST = 640

interface Parts {
  readonly driver: Pick<Driver, 'observe'>
  readonly originals: Originals
  readonly clock: Clock
  readonly log: Log
}

/**
 * Puts back as found what Reeve has set of others than those that it manages now, until all of it is. Where a start
 * knows of nothing that was set before (`isUnknown`), that goes back, too, or it would be taken for somebody else's.
 */
export class Others {
  readonly #parts: Parts
  readonly #release: (settings: readonly RememberedSetting[]) => Promise<ReleaseReport>
  /** What was said of settings that could not be put back, and when they are tried again; null where none is left. */
  #left: { readonly said: string; readonly dueMs: number; readonly turns: number } | null = null
  #isUnknown: boolean

  constructor(
    parts: Parts,
    isUnknown: boolean,
    release: (settings: readonly RememberedSetting[]) => Promise<ReleaseReport>,
  ) {
    this.#parts = parts
    this.#isUnknown = isUnknown && parts.originals.all().length > 0
    this.#release = release
  }

  /** Whether it is time to try again; null where nothing failed. */
  get isDue(): boolean | null {
    return this.#left === null ? null : this.#nowMs >= this.#left.dueMs
  }

  /** Returns what there is to say of it, which is logged where it was not before. */
  async putBack(policy: Policy): Promise<string[]> {
    const { driver, originals, log } = this.#parts
    const before = this.#left
    this.#left = null
    if (originals.all().length === 0) return []
    const again = (said: string): void => {
      const turns = Math.min(before === null ? AGAIN_TURNS : 2 * before.turns, AGAIN_TURNS_MOST)
      this.#left = { said, dueMs: this.#nowMs + turns * policy.host.intervalMs, turns }
    }
    const seen = await driver.observe(false).catch(() => null)
    if (seen === null) {
      again(before?.said ?? '')
      return []
    }
    const isUnknown = this.#isUnknown
    this.#isUnknown = false
    const unmanaged = new Set(notManaged(originals.all(), policy, seen))
    const others = originals.all().filter((its) => unmanaged.has(its) || (isUnknown && isSafeToReturn(its)))
    if (others.length === 0) return []
    const { settings } = await this.#release(others)
    const restored = settings.filter(({ result }) => result.kind === 'restored').length
    const failures = settings.flatMap(({ result }) => (result.kind === 'failed' ? [result.message] : []))
    const said = [
      `of what is no longer managed${isUnknown ? ' or known' : ''}, ${restored} of ${settings.length} settings were put back as found`,
      ...failures,
    ]
    if (failures.length > 0) again(said.join('\n'))
    if (said.join('\n') !== before?.said) for (const line of said) log.info(line)
    return said
  }

  get #nowMs(): number {
    return this.#parts.clock.now([]).monotonicMs
  }
}

/** A guest gets no memory back of which the host may by now have promised more than it has. */
const isSafeToReturn = ({ knob }: RememberedSetting): boolean => !knob.startsWith('memory.')

import type { Change } from '#core/model/decision.ts'
import type { Knob, Setting } from '#core/model/observation.ts'
import type { KnobPlace } from '#daemon/recorder.ts'
import type { RememberedSetting } from '#ports.ts'
import type { Write } from './faulty-driver.ts'

/** One knob of one domain as the checker has seen it change, write by write. */
export interface KnobHistory {
  readonly identity: string
  readonly value: Setting
  readonly lastBy: Write['by']
  /** What there was before Reeve's first write, which is what a release is to leave; empty while it has made none. */
  readonly originals: readonly Setting[]
  /** What the driver last said that Reeve's change came to; undefined where it failed, or nobody said anything. */
  readonly told: Setting | undefined
  /** Nobody can know it for Reeve's: the daemon died before it could write it down, or the driver said otherwise. */
  readonly isDoubtful: boolean
}

export const placeOf = ({ node, knob }: { readonly node: string; readonly knob: Knob }): string => `${node} ${knob}`

/** What the checker keeps of its own: every write that reached the host, and what is safe on record. */
export class Ledger {
  readonly #knobs = new Map<string, KnobHistory>()
  readonly #durable = new Map<string, RememberedSetting>()
  readonly #unsaved = new Set<string>()
  /** On record still, because the journal refused to forget them; this life of the daemon knows nothing of them any more. */
  readonly #kept = new Set<string>()

  get knobs(): ReadonlyMap<string, KnobHistory> {
    return this.#knobs
  }

  /** Settings on record, as a restart would find them. */
  get durable(): ReadonlyMap<string, RememberedSetting> {
    return this.#durable
  }

  /** Settings that are on record, and should be. */
  get pending(): string[] {
    return [...this.#durable.keys()].filter((key) => !this.#kept.has(key))
  }

  of(place: { readonly node: string; readonly knob: Knob }, identity: string): KnobHistory | undefined {
    const its = this.#knobs.get(placeOf(place))
    return its?.identity === identity ? its : undefined
  }

  wrote(write: Write): void {
    const { identity, before, after } = write
    const known = this.of(write, identity)
    // Who is so late that Reeve has set something else since, or has let go of it, is taken for somebody else.
    const isTooLate = write.by === 'late' && (known?.told !== undefined || !this.#isOnItsMind(write))
    const by = isTooLate ? 'stranger' : write.by
    const originals = known?.originals ?? []
    this.#knobs.set(placeOf(write), {
      identity,
      value: after,
      lastBy: by,
      originals: by === 'stranger' || originals.length > 0 ? originals : [before, ...this.#originalOf(write)],
      told: known?.told,
      isDoubtful: known?.isDoubtful ?? false,
    })
  }

  #isOnItsMind(write: Write): boolean {
    const key = placeOf(write)
    return this.#durable.has(key) && !this.#kept.has(key)
  }

  /** Between remembering and writing somebody else may have been quicker: what was remembered counts, too. */
  #originalOf(write: Write): Setting[] {
    const its = this.#durable.get(placeOf(write))
    return its?.identity === write.identity ? [its.original] : []
  }

  /** What Reeve was told of a change; undefined where it failed. */
  told(change: Change, value: Setting | undefined): void {
    const key = placeOf(change)
    const its = this.#knobs.get(key)
    if (its === undefined) return
    const isDoubtful = value === undefined ? its.isDoubtful : value !== its.value
    this.#knobs.set(key, { ...its, told: value, isDoubtful })
  }

  remembered(settings: readonly RememberedSetting[]): void {
    for (const its of settings) {
      const key = placeOf(its)
      const before = this.#durable.get(key)
      const isSame = before !== undefined && before.identity === its.identity
      this.#durable.set(key, isSame ? { ...before, lastSet: its.lastSet, mayBe: its.mayBe } : its)
      this.#unsaved.delete(key)
      this.#kept.delete(key)
    }
  }

  corrected(settings: readonly RememberedSetting[]): void {
    for (const { lastSet, mayBe, ...place } of settings) {
      const before = this.#durable.get(placeOf(place))
      if (before !== undefined) this.#durable.set(placeOf(place), { ...before, lastSet, mayBe })
    }
  }

  /** What could not be written down of settings. */
  unsaved(settings: readonly RememberedSetting[]): void {
    for (const its of settings) this.#unsaved.add(placeOf(its))
  }

  /** The journal may refuse to forget, which it does the next time that somebody looks. */
  forgot(place: KnobPlace, isRefused: boolean): void {
    const key = placeOf(place)
    if (!isRefused) this.#durable.delete(key)
    else this.#kept.add(key)
    const its = this.#knobs.get(key)
    if (its !== undefined) this.#knobs.set(key, { ...its, originals: [], told: undefined })
  }

  /** A life of the daemon has ended: nobody knows any more what was only in its mind. */
  buried(): void {
    for (const [key, its] of this.#knobs) {
      this.#knobs.set(key, { ...its, told: undefined, isDoubtful: its.isDoubtful || this.#unsaved.has(key) })
    }
    this.#unsaved.clear()
    // The next one reads all that is on record.
    this.#kept.clear()
  }
}

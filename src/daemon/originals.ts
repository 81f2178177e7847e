import type { Change, Outcome } from '#core/model/decision.ts'
import type { Identity, NodeId } from '#core/model/ids.ts'
import type { Setting } from '#core/model/observation.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Driver, DriverOf, RememberedSetting } from '#ports.ts'
import type { KnobPlace, Recorder } from './recorder.ts'

/** Whether a change may be made, as far as being able to take it back is concerned. */
export type Announced = 'may-change' | 'vanished' | 'not-remembered' | { readonly unreadable: string }

/** Of changes that go on failing, the last that were tried. */
const MAY_BE_MOST = 8

const keyOf = ({ driver, node, knob }: KnobPlace) => `${driver} ${node} ${knob}`

/**
 * The settings as they were before Reeve first touched them. A plan is announced before it is carried out: what each
 * knob was set to, and what it will be set to, is on record first, in one transaction.
 *
 * A setting whose original cannot be recorded is not touched. One whose original is safe may change also while the disk
 * is full; what was set last is then kept here and written once there is room.
 */
export class Originals {
  readonly #recorder: Recorder
  readonly #settings: Map<string, RememberedSetting>
  /** The domain's identity when this run looked at the knob first; another one means another domain by that name. */
  readonly #looked = new Map<string, Identity | null>()
  /** What the journal refused to forget: on record for these is an original that counts no more. */
  readonly #unforgotten = new Set<string>()
  #allWritten = true

  constructor(recorder: Recorder) {
    this.#recorder = recorder
    this.#settings = new Map(recorder.journal.remembered().map((setting) => [keyOf(setting), setting]))
  }

  /** One answer for each change of the plan. */
  async announce(plan: readonly Change[], driver: Driver): Promise<readonly Announced[]> {
    const answers: Announced[] = []
    const announced: RememberedSetting[] = []
    const isNew: boolean[] = []
    for (const change of plan) {
      const known = this.#settings.get(keyOf(change))
      const setting = await this.#settingFor(change, known, driver).catch((error: unknown) => reasonOf(error))
      if (typeof setting === 'string') {
        answers.push({ unreadable: setting })
        isNew.push(false)
        continue
      }
      if (setting !== null && this.#unforgotten.has(keyOf(change))) {
        answers.push('not-remembered')
        isNew.push(false)
        continue
      }
      answers.push(setting === null ? 'vanished' : 'may-change')
      isNew.push(setting !== null && setting.identity !== known?.identity)
      if (setting !== null) announced.push(setting)
    }
    const all = this.#allWritten ? announced : [...this.#settings.values(), ...announced]
    const isWritten = this.#recorder.remember(all)
    this.#allWritten = isWritten
    for (const setting of announced) {
      const key = keyOf(setting)
      if (isWritten || this.#settings.get(key)?.identity === setting.identity) this.#settings.set(key, setting)
    }
    return isWritten ? answers : answers.map((answer, i) => (isNew[i] ? 'not-remembered' : answer))
  }

  async #settingFor(
    change: Change,
    known: RememberedSetting | undefined,
    driver: Driver,
  ): Promise<RememberedSetting | null> {
    const key = keyOf(change)
    const { node, knob, domain, to } = change
    if (known !== undefined && this.#looked.get(key) === change.identity) {
      return announcing(known, to)
    }
    const found = await driver.read(node, knob)
    if (found === null) return null
    this.#looked.set(key, change.identity)
    if (known?.identity === found.identity) return announcing(known, to)
    if (known !== undefined || this.#unforgotten.has(key)) this.forget(change)
    const { identity, value } = found
    return { driver: change.driver, node, knob, domain, identity, original: value, lastSet: to, mayBe: [value] }
  }

  /**
   * Corrects what was announced by what became of it. Of a change that was made the value that was read back counts, or
   * a release would take it for somebody else's; one that was not tried is taken back; and one that failed may yet have
   * been made, by somebody who was slow to answer. What could not be announced has nothing to be corrected.
   */
  settle(plan: readonly Change[], announced: readonly Announced[], outcomes: readonly Outcome[]): void {
    const corrected: RememberedSetting[] = []
    for (const [i, change] of plan.entries()) {
      const setting = this.#settings.get(keyOf(change))
      const outcome = outcomes[i]
      if (setting === undefined || announced[i] !== 'may-change') continue
      if (outcome === undefined || outcome.status === 'failed') continue
      const settled = outcome.status === 'applied' ? { lastSet: outcome.to, mayBe: [] } : takenBack(setting)
      this.#settings.set(keyOf(change), { ...setting, ...settled })
      // A longer list on record does no harm, and costs no transaction each turn.
      if (settled.lastSet !== setting.lastSet) corrected.push({ ...setting, ...settled })
    }
    this.#recorder.correct(corrected)
  }

  /** What the journal refuses to forget is forgotten before it is remembered anew, or the journal would keep the old original. */
  forget(place: KnobPlace): void {
    const key = keyOf(place)
    this.#settings.delete(key)
    this.#looked.delete(key)
    if (this.#recorder.forget(place)) this.#unforgotten.delete(key)
    else this.#unforgotten.add(key)
  }

  /**
   * Forgets what was set on places that are gone, or are others by now: nobody will ever put that back, and machines that
   * come and go for months would leave more and more of it. Places that a turn has `shown` are not asked after; where a
   * place's driver does not run here, or cannot tell, nothing is forgotten.
   */
  forgetGone(shown: ReadonlySet<NodeId>, driverOf: DriverOf): void {
    for (const setting of this.all()) {
      const driver = shown.has(setting.node) ? null : driverOf(setting.driver)
      if (driver !== null && isGone(setting, driver)) this.forget(setting)
    }
  }

  all(): readonly RememberedSetting[] {
    return [...this.#settings.values()]
  }
}

/** Before a change is made, both what it sets and what is so now may be found. */
function announcing(known: RememberedSetting, to: Setting): RememberedSetting {
  const others = [...known.mayBe, known.lastSet].filter((value) => value !== to)
  return { ...known, lastSet: to, mayBe: [...new Set(others)].slice(-MAY_BE_MOST) }
}

function takenBack({ lastSet, mayBe }: RememberedSetting): Pick<RememberedSetting, 'lastSet' | 'mayBe'> {
  return { lastSet: mayBe.at(-1) ?? lastSet, mayBe: mayBe.slice(0, -1) }
}

function isGone({ node, identity }: RememberedSetting, driver: Driver): boolean {
  try {
    return driver.identityOf(node) !== identity
  } catch {
    return false
  }
}

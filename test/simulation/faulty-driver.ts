import type { Change, Outcome } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import type { Knob, Setting } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import type { Driver, DriverObservation } from '#ports.ts'
import type { Chance } from './chance.ts'
import type { DriverFault } from './draw-story.ts'
import type { Hands } from './hands.ts'

const NEVER_ABORTED = new AbortController().signal
/** The longest that a slow look or a slow change takes, and the latest that a change is made after all. */
export const SLOW_MS = 1500
const LATE_MS = 6000

/** One write that reached the simulated host, whoever made it. */
export interface Write {
  readonly node: NodeId
  readonly knob: Knob
  readonly before: Setting
  readonly after: Setting
  readonly identity: string
  /** `late`: Reeve's, after it had given up waiting for it. */
  readonly by: 'reeve' | 'late' | 'stranger'
  readonly change: Change | null
}

/** The simulated host's driver as it may be on a bad day; `onWrite` is told of every write, one at a time. */
export class FaultyDriver implements Driver {
  readonly kind: string
  readonly capabilities: Driver['capabilities']
  readonly #host: Driver
  readonly #faults: readonly DriverFault[]
  readonly #chance: Chance
  readonly #hands: Hands
  readonly #onWrite: (write: Write) => void

  constructor(
    host: Driver,
    faults: readonly DriverFault[],
    chance: Chance,
    hands: Hands,
    onWrite: (write: Write) => void,
  ) {
    this.kind = host.kind
    this.capabilities = host.capabilities
    this.#host = host
    this.#faults = faults
    this.#chance = chance
    this.#hands = hands
    this.#onWrite = onWrite
  }

  prepare(policy: Policy) {
    return this.#host.prepare(policy)
  }

  async observe(slow: boolean): Promise<DriverObservation> {
    if (this.#strikes(['blind'], null) !== null) throw new Error('a planted fault: the host cannot be looked at')
    if (this.#strikes(['look-slowly'], null) !== null) await this.#hands.sleep(SLOW_MS)
    const seen = await this.#host.observe(slow)
    const { bootedMs } = this.#hands
    if (bootedMs === 0) return seen
    return { ...seen, domains: seen.domains.map((its) => ({ ...its, takenAtMs: its.takenAtMs - bootedMs })) }
  }

  async read(node: NodeId, knob: Knob) {
    if (this.#strikes(['unreadable'], node) !== null) throw new Error('a planted fault: EIO')
    return this.#host.read(node, knob)
  }

  identityOf(node: NodeId): string | null {
    if (this.#strikes(['unreadable'], node) !== null) throw new Error('a planted fault: EIO')
    return this.#host.identityOf(node)
  }

  async apply(change: Change, signal: AbortSignal): Promise<Outcome> {
    const { node, knob } = change
    const fault = this.#strikes(
      ['refuse', 'throw', 'make-and-throw', 'hang', 'make-late', 'lie', 'round', 'round-silently', 'slow'],
      node,
    )
    switch (fault?.kind) {
      case 'refuse':
        return { status: 'failed', node, knob, code: 'EIO', message: 'a planted fault' }
      case 'throw':
        throw new Error('a planted fault')
      case 'make-and-throw':
        await this.#make(change, 'reeve')
        throw new Error('a planted fault, after it was made')
      case 'hang':
        return new Promise(() => {})
      case 'make-late':
        signal.addEventListener('abort', () => void this.#makeLater(change), { once: true })
        return new Promise(() => {})
      case 'lie':
        return { status: 'applied', node, knob, to: change.to }
      case 'round':
        return this.#make({ ...change, to: rounded(change) }, 'reeve')
      case 'round-silently': {
        const outcome = await this.#make({ ...change, to: rounded(change) }, 'reeve')
        return outcome.status === 'applied' ? { ...outcome, to: change.to } : outcome
      }
      case 'slow':
        await this.#hands.sleep(SLOW_MS)
        return this.#make(change, 'reeve')
      default:
        return this.#make(change, 'reeve')
    }
  }

  /** Somebody else sets a knob. */
  async strange(node: NodeId, knob: Knob, to: Setting): Promise<void> {
    const change = { node, knob, to, identity: null } as Change
    await this.#make(change, 'stranger')
  }

  async close(): Promise<void> {}

  async #makeLater(change: Change): Promise<void> {
    await this.#hands.sleep(this.#chance.between(1, LATE_MS))
    await this.#make(change, 'late')
  }

  async #make(change: Change, by: Write['by']): Promise<Outcome> {
    const { node, knob } = change
    const before = await this.#host.read(node, knob)
    const outcome = await this.#host.apply(change, NEVER_ABORTED)
    if (outcome.status === 'applied' && before !== null) {
      const { identity, value } = before
      const its = by === 'stranger' ? null : change
      this.#onWrite({ node, knob, before: value, after: outcome.to, identity, by, change: its })
    }
    return outcome
  }

  /** The first fault of these kinds that is there now and hits this call. */
  #strikes(kinds: readonly DriverFault['kind'][], node: NodeId | null): DriverFault | null {
    const { nowMs } = this.#hands
    for (const fault of this.#faults) {
      const { kind, domain, fromMs, untilMs, part } = fault
      if (!kinds.includes(kind) || nowMs < fromMs || nowMs >= untilMs) continue
      if (node !== null && domain !== null && node !== `/${domain}`) continue
      if (this.#chance.happens(part)) return fault
    }
    return null
  }
}

/** As a kernel rounds: quotas to 5 millicores, weights to 1 %, memory to 2 MiB. */
function rounded({ knob, to }: Change): Setting {
  if (typeof to !== 'number') return to
  if (knob === 'cpu.quota') return Math.max(10, Math.round(to / 5) * 5)
  if (knob === 'cpu.weight') return Math.max(2, Math.round(to * 1.01))
  return knob.startsWith('memory') ? Math.round(to / 2 ** 21) * 2 ** 21 : to
}

import type { ReleaseReport } from '#api/contract.ts'
import type { NodeId } from '#core/model/ids.ts'
import type { Knob, Setting } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import type { Control } from '#daemon/control.ts'
import type { JournalReader } from '#daemon/journal/reader.ts'
import type { LoadedPolicy } from '#daemon/load.ts'
import { replaySamePolicy } from '#daemon/replay/same-policy.ts'
import type { Driver } from '#ports.ts'
import { turns } from './expected.ts'
import type { KnobHistory, Ledger } from './ledger.ts'

/** What must hold when all is over: everything was released on a host where nothing goes wrong any more. */
export interface Ended {
  readonly report: ReleaseReport
  readonly ledger: Ledger
  /** Every knob as it was before the release. */
  readonly before: ReadonlyMap<string, KnobHistory>
  /** A last reload, before the release; null where Reeve was paused. */
  readonly reload: Reloaded | null
  /** The host itself. */
  readonly driver: Driver
  readonly journal: JournalReader
}

/** Another policy was taken: every knob as it was before, and what there was of it afterwards. */
export interface Reloaded {
  readonly policy: Policy
  readonly before: ReadonlyMap<string, KnobHistory>
  readonly found: ReadonlyMap<string, Awaited<ReturnType<Driver['read']>>>
}

type EndProperty = (its: Ended) => AsyncGenerator<string>

/** Takes another policy, and looks at every knob that was ever turned. */
export async function reloaded(
  { policy, text }: Pick<LoadedPolicy, 'policy' | 'text'>,
  control: Control,
  ledger: Ledger,
  driver: Driver,
): Promise<Reloaded> {
  const before = new Map(ledger.knobs)
  await control.reload(text, 'policy')
  const found: [string, Awaited<ReturnType<Driver['read']>>][] = []
  for (const place of before.keys()) found.push([place, await driver.read(...placed(place))])
  return { policy, before, found: new Map(found) }
}

const placed = (place: string) => place.split(' ') as [NodeId, Knob]

/** Operations, reload: what the new policy has turned no more is as it was found, but for what somebody else changed since. */
async function* putsBackWhatItTurnsNoMore({ reload }: Ended): AsyncGenerator<string> {
  for (const [place, history] of reload?.before ?? []) {
    const [node, knob] = placed(place)
    const found = reload?.found.get(place) ?? null
    if (reload === null || found === null || turns(reload.policy, node.slice(1), knob)) continue
    if (isReeves(history, found)) yield `${place} is ${found.value} by a policy that has nothing of it turned`
  }
}

/** Whether it is known for Reeve's, and not as it was found before. */
function isReeves(history: KnobHistory, found: { readonly identity: string; readonly value: Setting }): boolean {
  if (found.identity !== history.identity || history.lastBy === 'stranger' || history.isDoubtful) return false
  return history.originals.length > 0 && !history.originals.includes(found.value)
}

/** "Identity and versions": `release` puts back what was found, but for what somebody else changed since. */
async function* releasesEverything({ report, ledger, before, driver }: Ended): AsyncGenerator<string> {
  for (const { node, knob, result } of report.settings) {
    if (result.kind === 'failed') yield `${knob} of ${node} was not put back: ${result.message}`
  }
  for (const place of ledger.pending) yield `${place} is remembered after it was released`
  for (const [place, history] of before) {
    const found = await driver.read(...placed(place))
    if (found !== null && isReeves(history, found)) {
      yield `${place} is ${found.value} after a release, and was found as ${history.originals.join(' or ')}`
    }
  }
}

/**
 * "Identity and versions": what is on record decides the same again, bit for bit, the decision withheld; and what is known
 * at each checkpoint follows from the turns before it, so that nobody keeps anything that is not knowledge.
 */
async function* decidesTheSameAgain({ journal }: Ended): AsyncGenerator<string> {
  const { differences } = replaySamePolicy(journal, { from: 1, to: journal.lastTurn() })
  for (const its of differences) {
    if (its.kind === 'unusable') yield its.message
    else yield `the ${its.kind} of turn ${its.turn} has ${its.recorded} at ${its.path}, and again ${its.now}`
  }
}

export const AT_THE_END: readonly EndProperty[] = [putsBackWhatItTurnsNoMore, releasesEverything, decidesTheSameAgain]

export async function atTheEnd(its: Ended): Promise<{ readonly property: string; readonly message: string }[]> {
  const failed = []
  for (const property of AT_THE_END) {
    for await (const message of property(its)) failed.push({ property: property.name, message })
  }
  return failed
}

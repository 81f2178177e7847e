import type { ReleaseReport } from '#api/contract.ts'
import type { NodeId } from '#core/model/ids.ts'
import type { Knob } from '#core/model/observation.ts'
import type { JournalReader } from '#daemon/journal/reader.ts'
import { replaySamePolicy } from '#daemon/replay/same-policy.ts'
import type { Driver } from '#ports.ts'
import type { KnobHistory, Ledger } from './ledger.ts'

/** What must hold when all is over: everything was released on a host where nothing goes wrong any more. */
export interface Ended {
  readonly report: ReleaseReport
  readonly ledger: Ledger
  /** Every knob as it was before the release. */
  readonly before: ReadonlyMap<string, KnobHistory>
  /** The host itself. */
  readonly driver: Driver
  readonly journal: JournalReader
}

type EndProperty = (its: Ended) => AsyncGenerator<string>

/** "Identity and versions": `release` puts back what was found, but for what somebody else changed since. */
async function* releasesEverything({ report, ledger, before, driver }: Ended): AsyncGenerator<string> {
  for (const { node, knob, result } of report.settings) {
    if (result.kind === 'failed') yield `${knob} of ${node} was not put back: ${result.message}`
  }
  for (const place of ledger.pending) yield `${place} is remembered after it was released`
  for (const [place, history] of before) {
    const [node, knob] = place.split(' ') as [NodeId, Knob]
    const found = await driver.read(node, knob)
    if (found === null || found.identity !== history.identity || history.lastBy === 'stranger') continue
    if (history.originals.length > 0 && !history.originals.includes(found.value) && !history.isDoubtful) {
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

export const AT_THE_END: readonly EndProperty[] = [releasesEverything, decidesTheSameAgain]

export async function atTheEnd(its: Ended): Promise<{ readonly property: string; readonly message: string }[]> {
  const failed = []
  for (const property of AT_THE_END) {
    for await (const message of property(its)) failed.push({ property: property.name, message })
  }
  return failed
}

import { DRIVER_KINDS } from '#cli/drivers.ts'
import { EXIT, Failure } from '#cli/failure.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { type PeriodOptions, writtenPeriod } from '#cli/period.ts'
import { policyText } from '#cli/policy-text.ts'
import { renderReplay } from '#cli/render/replay.ts'
import { counted } from '#cli/render/units.ts'
import { readingJournal } from '#cli/without-daemon.ts'
import type { JournalReader } from '#daemon/journal/reader.ts'
import { recordedPolicy } from '#daemon/replay/again.ts'
import { type NamedPolicy, replayOtherPolicy } from '#daemon/replay/other-policy.ts'
import { type Period, periodOf } from '#daemon/replay/period.ts'
import type { OtherPolicyReport, ReplayReport, SamePolicyReport } from '#daemon/replay/report.ts'
import { replaySamePolicy } from '#daemon/replay/same-policy.ts'
import { policyHash } from '#policy/hash.ts'
import { parsePolicy, renderFault } from '#policy/parse.ts'
import type { TurnRecord } from '#ports.ts'

interface ReplayOptions extends CommonOptions, PeriodOptions {
  readonly policy?: string
  readonly simulate?: boolean
}

/**
 * The command `reeve replay`, always from the journal itself: a daemon has turns to make. 1 where a turn does not come
 * out as it was recorded, or cannot be used; 78 where the other policy is refused.
 */
export async function replayCommand(options: ReplayOptions): Promise<number> {
  const written = writtenPeriod(options, Date.now())
  const { policy: file, simulate = false } = options
  if (simulate && file === undefined)
    throw new Failure('--simulate needs --policy: the policy to answer to', EXIT.usage)
  const text = file === undefined ? null : await policyText(file)
  const report = await readingJournal<ReplayReport>(options, 'there is no journal', (journal) => {
    const period = periodOf(journal, written)
    if (process.stderr.isTTY) {
      process.stderr.write(`Deciding up to ${counted(period.to - period.from + 1, 'turn')} again ...\n`)
    }
    const startedMs = performance.now()
    const found =
      file === undefined || text === null
        ? replaySamePolicy(journal, period)
        : replayOtherPolicy(journal, period, otherPolicy(journal, period, file, text), simulate)
    const tookMs = performance.now() - startedMs
    return { ...found, tookMs, turnsPerSecond: (turnsOf(found) * 1000) / tookMs }
  })
  print(report, renderReplay, options)
  return isGood(report) ? EXIT.ok : EXIT.failure
}

/** Checked as `reeve check` does, but against the host of the record. @throws {Failure} with every fault, at its place. */
function otherPolicy(journal: JournalReader, { from }: Period, file: string, text: string): NamedPolicy {
  const record = journal.turn(from) as TurnRecord
  const capacity = Object.fromEntries(
    Object.entries(record.observation.capacity).map(([resource, { total }]) => [resource, total]),
  )
  // The record may be of a host with drivers that this one lacks; nothing is driven here.
  const recorded = recordedPolicy(journal, record.policyHash).domains.map(({ driver }) => driver)
  const parsed = parsePolicy(text, { file, capacity, knownDrivers: [...new Set([...DRIVER_KINDS, ...recorded])] })
  if (parsed.ok) return { policy: parsed.policy, file, hash: policyHash(text) }
  throw new Failure(`the policy is ${parsed.kind}:\n${parsed.faults.map(renderFault).join('\n')}`, EXIT.configuration)
}

/** Turns that were decided again and compared. */
function turnsOf(report: SamePolicyReport | OtherPolicyReport): number {
  if (report.kind === 'other-policy') return report.comparison.turns
  return report.turns + (report.otherVersions?.comparison.turns ?? 0)
}

function isGood(report: ReplayReport): boolean {
  if (report.kind === 'other-policy') return report.unusable.segments === 0
  const { turns, checkpoints, segments } = report.differing
  return turns + checkpoints + segments === 0
}

import type { ReleaseReport } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import { ask, NoDaemon } from '#cli/client.ts'
import { hostDrivers } from '#cli/drivers.ts'
import { EXIT } from '#cli/failure.ts'
import { leaveHangingCalls } from '#cli/leave.ts'
import { urisOf } from '#cli/libvirt-uris.ts'
import { type CommonOptions, lockFile } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { renderRelease } from '#cli/render/reports.ts'

/** The command `reeve release`: by the daemon, or straight from the journal where none runs. 1 where something failed. */
export async function releaseCommand(options: CommonOptions): Promise<number> {
  let report: ReleaseReport
  try {
    report = await ask<ReleaseReport>(options.socket, PATHS.release, {}, {})
  } catch (error) {
    if (!(error instanceof NoDaemon)) throw error
    report = await releaseByHand(options)
  }
  print(report, renderRelease, options)
  const exitCode = report.settings.some(({ result }) => result.kind === 'failed') ? EXIT.failure : EXIT.ok
  await leaveHangingCalls(exitCode)
  return exitCode
}

/** Under the daemon's lock, so that none starts meanwhile and sets everything anew. */
async function releaseByHand(options: CommonOptions): Promise<ReleaseReport> {
  const { openJournal } = await import('#daemon/journal/journal.ts')
  const { hasJournal, journalPath } = await import('#daemon/journal/reader.ts')
  if (!hasJournal(journalPath(options.state))) return { settings: [] }
  const { takeLock } = await import('#daemon/lock.ts')
  const { CHANGE_MS_MAX } = await import('#daemon/apply.ts')
  const { createClock } = await import('#daemon/clock.ts')
  const { releaseSettings } = await import('#daemon/release.ts')
  const lock = takeLock(lockFile(options))
  const journal = openJournal(options.state)
  const drivers = await hostDrivers(options, urisOf(journal.lastPolicyText()))
  try {
    return await releaseSettings(
      journal.remembered(),
      (kind) => drivers.find((driver) => driver.kind === kind) ?? null,
      { clock: createClock(), deadlineMs: CHANGE_MS_MAX },
      ({ driver, node, knob }) => journal.forget(driver, node, knob),
    )
  } finally {
    for (const driver of drivers) await driver.close()
    journal.close()
    lock.release()
  }
}

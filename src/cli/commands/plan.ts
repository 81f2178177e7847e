import type { PlanReport } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import { ask } from '#cli/client.ts'
import { EXIT, Failure } from '#cli/failure.ts'
import { leaveHangingCalls } from '#cli/leave.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { renderPlan } from '#cli/render/reports.ts'
import { fromJournal } from '#cli/without-daemon.ts'

/** The command `reeve plan`: a dry run of a policy, or what the daemon decided last. */
export async function planCommand(options: CommonOptions & { readonly config?: string }): Promise<void> {
  const { config } = options
  const report =
    config === undefined
      ? await fromJournal<PlanReport>(
          options,
          () => ask(options.socket, PATHS.plan),
          (journal, { lastPlan }) => lastPlan(journal),
        )
      : await dryRun(config, options)
  print(report, renderPlan, options)
  await leaveHangingCalls(EXIT.ok)
}

async function dryRun(config: string, options: CommonOptions): Promise<PlanReport> {
  const { policyText } = await import('#cli/policy-text.ts')
  const { loadPolicy } = await import('#daemon/load.ts')
  const { decideForShow } = await import('#daemon/dry-run.ts')
  const { hostDrivers } = await import('#cli/drivers.ts')
  const { createClock } = await import('#daemon/clock.ts')
  const text = await policyText(config)
  const drivers = await hostDrivers(options)
  try {
    const loading = loadPolicy(
      text,
      config,
      drivers.map(({ kind }) => kind),
    )
    if (!loading.ok)
      throw new Failure(`the policy is ${loading.kind}:\n${loading.faults.join('\n')}`, EXIT.configuration)
    const { policy } = loading.loaded
    if (process.stderr.isTTY) process.stderr.write(`Looking twice, ${policy.host.intervalMs / 1000} s apart ...\n`)
    return await decideForShow(policy, drivers, createClock())
  } finally {
    for (const driver of drivers) await driver.close()
  }
}

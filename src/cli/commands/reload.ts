import type { ReloadResult } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import { ask } from '#cli/client.ts'
import { EXIT } from '#cli/failure.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { policyText } from '#cli/policy-text.ts'
import { renderReload } from '#cli/render/reports.ts'

/** The command `reeve reload [FILE]`; 78 where the policy was refused. */
export async function reloadCommand(file: string | undefined, options: CommonOptions): Promise<number> {
  const body = file === undefined ? {} : { policy: await policyText(file), file }
  const result = await ask<ReloadResult>(options.socket, PATHS.reload, {}, body)
  print(result, renderReload, options)
  return result.ok ? EXIT.ok : EXIT.configuration
}

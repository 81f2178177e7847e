import type { ReloadResult } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import { ask } from '#cli/client.ts'
import { EXIT, Failure } from '#cli/failure.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { renderReload } from '#cli/render/reports.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { readPolicyFile } from '#policy/read.ts'

/** The command `reeve reload [FILE]`; 78 where the policy was refused. */
export async function reloadCommand(file: string | undefined, options: CommonOptions): Promise<number> {
  const body = file === undefined ? {} : { policy: await textOf(file), file }
  const result = await ask<ReloadResult>(options.socket, PATHS.reload, {}, body)
  print(result, renderReload, options)
  return result.ok ? EXIT.ok : EXIT.configuration
}

async function textOf(file: string): Promise<string> {
  try {
    return (await readPolicyFile(file)).text
  } catch (cause) {
    throw new Failure(`cannot read the policy ${file}: ${reasonOf(cause)}`, EXIT.configuration, { cause })
  }
}

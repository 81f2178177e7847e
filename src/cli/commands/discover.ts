import { join } from 'node:path'
import { discover } from '#cli/discover.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { proposePolicy } from '#cli/propose.ts'

/** The command `reeve discover`. With `--json` it prints what was found instead of a policy. */
export async function discoverCommand(options: CommonOptions & { readonly seconds: number }): Promise<void> {
  const { seconds, state } = options
  if (process.stderr.isTTY) process.stderr.write(`Watching what runs here for ${seconds} s ...\n`)
  const found = await discover(seconds, join(state, 'output'))
  print(found, (all) => proposePolicy(all, seconds).trimEnd(), options)
}

import { discover } from '#cli/discover.ts'
import { print } from '#cli/output.ts'
import { proposePolicy } from '#cli/propose.ts'

/** The command `reeve discover`. With `--json` it prints what was found instead of a policy. */
export async function discoverCommand(options: { readonly seconds: number; readonly json?: boolean }): Promise<void> {
  const { seconds } = options
  if (process.stderr.isTTY) process.stderr.write(`Watching what runs here for ${seconds} s ...\n`)
  const found = await discover(seconds)
  print(found, (all) => proposePolicy(all, seconds).trimEnd(), options)
}

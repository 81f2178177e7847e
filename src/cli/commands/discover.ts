import { capacityChecked } from '#cli/capacity.ts'
import { discover } from '#cli/discover/discover.ts'
import { proposePolicy } from '#cli/discover/propose.ts'
import { EXIT } from '#cli/failure.ts'
import { leaveHangingCalls } from '#cli/leave.ts'
import { namedUris } from '#cli/libvirt-uris.ts'
import { print } from '#cli/output.ts'

interface DiscoverOptions {
  readonly seconds: number
  readonly libvirt: readonly string[]
  readonly json?: boolean
}

/** The command `reeve discover`. With `--json` it prints what was found instead of a policy. */
export async function discoverCommand(options: DiscoverOptions): Promise<void> {
  const { seconds, libvirt } = options
  const named = namedUris(libvirt)
  if (process.stderr.isTTY) process.stderr.write(`Watching what runs here for ${seconds} s ...\n`)
  const discovery = await discover(seconds, named)
  print(discovery, (all) => proposePolicy(all, capacityChecked()).trimEnd(), options)
  await leaveHangingCalls(EXIT.ok)
}

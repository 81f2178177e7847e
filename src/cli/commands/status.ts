import type { Status } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import { ask } from '#cli/client.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { renderStatus } from '#cli/render/status.ts'

/** The command `reeve status`. */
export async function statusCommand(options: CommonOptions): Promise<void> {
  print(await ask<Status>(options.socket, PATHS.status), renderStatus, options)
}

import { PATHS } from '#api/paths.ts'
import { ask } from '#cli/client.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'

/** The commands `reeve pause` and `reeve resume`. */
export async function pauseCommand(which: 'pause' | 'resume', options: CommonOptions): Promise<void> {
  const answer = await ask<{ paused: boolean }>(options.socket, PATHS[which], {}, {})
  const text = answer.paused
    ? "Paused: everything is decided and nothing is changed, until 'reeve resume'."
    : 'Resumed: the next turn may change settings again.'
  print(answer, () => text, options)
}

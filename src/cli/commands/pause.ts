import { PATHS } from '#api/paths.ts'
import { ask } from '#cli/client.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'

/** The command `reeve resume`, of everything or of one domain. */
export async function resumeCommand(domain: string | undefined, options: CommonOptions): Promise<void> {
  const answer = await ask<{ paused: boolean }>(
    options.socket,
    PATHS.resume,
    {},
    domain === undefined ? {} : { domain },
  )
  const text =
    domain === undefined
      ? 'Resumed: the next turn may change settings again.'
      : `What somebody else set of ${domain} is taken back${answer.paused ? " once Reeve is resumed with 'reeve resume'" : ''}.`
  print(answer, () => text, options)
}

/** The command `reeve pause`. */
export async function pauseCommand(options: CommonOptions): Promise<void> {
  const answer = await ask<{ paused: boolean }>(options.socket, PATHS.pause, {}, {})
  print(answer, () => "Paused: everything is decided and nothing is changed, until 'reeve resume'.", options)
}

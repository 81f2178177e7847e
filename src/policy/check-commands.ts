import type { CommandPolicy, Policy } from '#core/model/policy.ts'
import { type Finding, warning } from './finding.ts'

/** What of a command a host does not have, as messages for people. */
export type MissingFor = (command: CommandPolicy) => readonly string[]

/** Warnings only: a policy may be read on another host than the one it is for. */
export function* checkCommands({ domains }: Policy, missingFor: MissingFor): Generator<Finding> {
  for (const { name, match } of domains) {
    if (match.kind !== 'command') continue
    for (const message of missingFor(match.command)) {
      yield warning(['domains', name, 'command'], `on this host the command cannot be started: ${message}`)
    }
  }
}

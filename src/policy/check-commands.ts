import type { CommandPolicy, Policy } from '#core/model/policy.ts'
import { type Finding, keyFinding, malformed, type Path, show, warning } from './finding.ts'

/** What of a command a host does not have, as messages for people. */
export type MissingFor = (command: CommandPolicy) => readonly string[]

/** Warnings only: a policy may be read on another host than the one it is for. */
export function* checkCommands({ domains, metrics }: Policy, missingFor: MissingFor): Generator<Finding> {
  for (const { name, match } of domains) {
    if (match.kind === 'command') yield* cannotStart(['domains', name, 'command'], match.command, missingFor)
  }
  for (const { name, source } of metrics) {
    if (source.kind === 'command') yield* cannotStart(['metrics', name, 'command'], source.command, missingFor)
  }
}

function* cannotStart(path: Path, command: CommandPolicy, missingFor: MissingFor): Generator<Finding> {
  for (const message of missingFor(command)) {
    yield warning(path, `on this host the command cannot be started: ${message}`)
  }
}

/** The words of a command and the names of its environment variables, of a domain or of a metric. */
export function* commandForm(
  {
    command = [],
    environment = {},
  }: {
    readonly command?: readonly string[] | undefined
    readonly environment?: Readonly<Record<string, string>> | undefined
  },
  path: Path,
): Generator<Finding> {
  for (const variable of Object.keys(environment)) {
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable)) continue
    yield keyFinding([...path, 'environment', variable], `${show(variable)} is not the name of an environment variable`)
  }
  for (const [index, word] of command.entries()) {
    if (word.includes('\0')) yield malformed([...path, 'command', index], `${show(word)} contains a zero byte`)
  }
}

import type { CommandPolicy, MetricSourcePolicy } from '#core/model/policy.ts'
import { decimal } from '#lib/decimal.ts'
import { printable } from '#lib/printable.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Clock, Surroundings } from '#ports.ts'
import { type Begun, endOf, howOf, run } from '#processes/programs.ts'
import { type Found, oneValue } from './board.ts'
import { withTimeout } from './with-timeout.ts'

/** Looks up what a command needs on this host. @throws with a message for the operator where something is missing. */
export type SurroundingsOf = (command: CommandPolicy) => Surroundings
type Source = Extract<MetricSourcePolicy, { readonly kind: 'command' }>

/** One number, and what a program may say of its troubles. */
const BYTES_MOST = 64 * 1024
const SAID_MOST = 200
const NO_WINDOWS = [] as const

/**
 * The number that a program prints. It runs without a shell, as its user, in a process group of its own, and nothing
 * of that group is left once it has ended or its time is up.
 */
export function commandLook(
  { command, timeoutMs }: Source,
  surroundingsOf: SurroundingsOf,
  clock: Clock,
): (signal: AbortSignal) => Promise<Found> {
  let last: Begun | null = null
  return async (stopping) => {
    try {
      if (last !== null && !last.isOver) throw new Error(stillThere(last))
      const ended = await withTimeout(timeoutMs, stopping, (signal) => {
        signal.throwIfAborted()
        const { argv } = command
        last = run({ argv, surroundings: surroundingsOf(command), standing: 'ordinary', bytesMost: BYTES_MOST })
        return endOf(last, signal)
      })
      if (ended.code !== 0) {
        const said = ended.stderr === '' ? '' : `: ${printable(ended.stderr.trim(), SAID_MOST)}`
        throw new Error(`it ended ${howOf(ended)}${said}`)
      }
      const value = decimal(ended.stdout.trim())
      if (value === null) throw new Error(`it printed "${printable(ended.stdout, 40)}", which is not one number`)
      return oneValue(value, clock.now(NO_WINDOWS).monotonicMs)
    } catch (error) {
      const shown = printable(command.argv.join(' '))
      throw new Error(`command \`${shown}\` gives no reading: ${reasonOf(error)}`, { cause: error })
    }
  }
}

function stillThere({ pid }: Begun): string {
  return pid === null
    ? 'it could not begin yet, as programs take long to start on this host'
    : `process ${pid} of the time before cannot be ended; it is not started beside that`
}

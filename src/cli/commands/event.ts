import type { EventReport } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import { ask } from '#cli/client.ts'
import { EXIT, Failure } from '#cli/failure.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { isDuration, milliseconds } from '#policy/values.ts'

interface EventOptions extends CommonOptions {
  readonly for: string
  readonly end?: boolean
}

/** The command `reeve event`. */
export async function eventCommand(event: string, options: EventOptions): Promise<void> {
  if (!isDuration(options.for)) {
    throw new Failure(`--for wants a duration such as 90s, 30m or 8h, not '${options.for}'`, EXIT.usage)
  }
  const seconds = options.end === true ? 0 : milliseconds(options.for) / 1000
  const report = await ask<EventReport>(options.socket, PATHS.events, {}, { event, seconds })
  const text =
    seconds === 0
      ? `${report.event} is over.`
      : `${report.event} is on until ${new Date(report.endsUtcMs).toISOString()}.`
  print(report, () => text, options)
}

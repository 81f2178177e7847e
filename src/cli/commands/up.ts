import { dirname } from 'node:path'
import { hostDrivers } from '#cli/drivers.ts'
import { EXIT, Failure } from '#cli/failure.ts'
import { leaveHangingCalls } from '#cli/leave.ts'
import { createLog } from '#cli/log.ts'
import { lockFile, type PolicyOptions } from '#cli/options.ts'
import { policyText } from '#cli/policy-text.ts'
import { changeText, outcomeText, verdictText } from '#cli/render/reasons.ts'
import { createClock } from '#daemon/clock.ts'
import type { TurnSummary } from '#daemon/control.ts'
import { AlreadyRunning } from '#daemon/lock.ts'
import type { Log } from '#daemon/log.ts'
import { type Daemon, PolicyRefused, startDaemon } from '#daemon/main.ts'
import { takePrecedence } from '#daemon/precedence.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { openPrograms } from '#processes/programs.ts'

/** The command `reeve up -c FILE`: the daemon in the foreground. SIGHUP reloads; SIGTERM and SIGINT end it. */
export async function upCommand(options: PolicyOptions): Promise<void> {
  const { config, state, socket } = options
  const text = await policyText(config)
  const log = await createLog()
  // At once, as nobody manages the host until it is up; and again for the threads that begin meanwhile.
  await takePrecedence()
  openPrograms()
  const drivers = await hostDrivers(options)
  let daemon: Daemon
  try {
    daemon = await startDaemon({
      policyFile: config,
      policyText: text,
      stateDir: state,
      runDir: dirname(socket),
      socketPath: socket,
      lockFile: lockFile(options),
      drivers,
      clock: createClock(),
      log,
    })
  } catch (error) {
    for (const driver of drivers) await driver.close()
    if (error instanceof PolicyRefused) throw new Failure(error.message, EXIT.configuration, { cause: error })
    if (error instanceof AlreadyRunning) throw new Failure(error.message, EXIT.failure, { cause: error })
    throw error
  }
  const late = await takePrecedence()
  if (late !== null) log.warn(late)
  daemon.onTurn((turn) => sayChanges(turn, log))
  process.on(
    'SIGHUP',
    () => void daemon.reload().catch((error: unknown) => log.warn(`not reloaded: ${reasonOf(error)}`)),
  )
  await firstOf(['SIGTERM', 'SIGINT'], () => log.warn('stopping already; only SIGKILL ends Reeve in the middle of it'))
  log.info('stopping: settings stay as they are')
  await daemon.stop()
  for (const driver of drivers) await driver.close()
  await leaveHangingCalls(EXIT.ok)
  // Commands that were started live on, and Node would wait for them.
  process.exit(EXIT.ok)
}

function sayChanges({ turn, decision, outcomes }: TurnSummary, log: Log): void {
  if (decision.verdict.kind === 'stopped-by-checker') {
    log.error(`turn ${turn}: ${verdictText(decision.verdict)}`)
    return
  }
  if (decision.plan.length === 0) return
  log.info(`turn ${turn}: ${verdictText(decision.verdict)}`)
  decision.plan.forEach((change, i) => {
    const outcome = outcomes[i] ?? null
    const say = outcome?.status === 'failed' ? log.error : log.info
    say(`turn ${turn}: ${changeText(change)} (${outcomeText(outcome)})`)
  })
}

/** The signals keep their handler: a second one, as `timeout` sends it, is told `again` and cuts nothing short. */
function firstOf(signals: readonly NodeJS.Signals[], again: () => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let isFirst = true
  for (const signal of signals) {
    process.on(signal, () => {
      if (isFirst) resolve()
      else again()
      isFirst = false
    })
  }
  return promise
}

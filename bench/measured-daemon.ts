import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClock } from '#daemon/clock.ts'
import type { TurnSummary } from '#daemon/control.ts'
import { SILENT } from '#daemon/log.ts'
import { startDaemon } from '#daemon/main.ts'
import { takePrecedence } from '#daemon/precedence.ts'
import type { Driver } from '#ports.ts'

/** A daemon in this process, with its journal and its precedence, as `reeve up` has them. Drivers stay the caller's. */
export interface MeasuredDaemon {
  /** Resolves with what each of the next so many turns cost. */
  turns(count: number): Promise<readonly TurnCost[]>
  /** Puts another policy in force. @throws where it is refused. */
  reload(policyText: string): Promise<void>
  stop(): Promise<void>
}

export interface TurnCost {
  readonly summary: TurnSummary
  /** Of this process, from the end of the turn before to the end of this one. */
  readonly cpuMs: number
  /** From its beginning to its end. */
  readonly wallMs: number
  /** What `alongside` said at its end. */
  readonly alongside: number
}

export async function startMeasured(
  policyText: string,
  drivers: readonly Driver[],
  alongside: () => number = () => 0,
): Promise<MeasuredDaemon> {
  const dir = mkdtempSync(join(tmpdir(), 'reeve-bench-'))
  const clock = createClock()
  let beganMs = performance.now()
  const daemon = await startDaemon({
    policyText,
    stateDir: dir,
    runDir: dir,
    drivers,
    clock: {
      now: clock.now,
      async sleepUntil(monotonicMs, signal) {
        await clock.sleepUntil(monotonicMs, signal)
        beganMs = performance.now()
      },
    },
    log: SILENT,
  })
  await takePrecedence()
  return {
    turns: (count) =>
      new Promise((resolve) => {
        const costs: TurnCost[] = []
        let before = process.cpuUsage()
        const stopListening = daemon.onTurn((summary) => {
          const { user, system } = process.cpuUsage(before)
          const wallMs = performance.now() - beganMs
          costs.push({ summary, cpuMs: (user + system) / 1000, wallMs, alongside: alongside() })
          before = process.cpuUsage()
          if (costs.length < count) return
          stopListening()
          resolve(costs)
        })
      }),
    async reload(text) {
      const result = await daemon.reload(text)
      if (!result.ok) throw new Error(`the policy of this bench was refused: ${result.faults.join('; ')}`)
    },
    async stop() {
      await daemon.stop()
      rmSync(dir, { recursive: true })
    },
  }
}

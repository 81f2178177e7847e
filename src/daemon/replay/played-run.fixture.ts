import { join } from 'node:path'
import { journalPath, readJournal } from '#daemon/journal/reader.ts'
import { SILENT } from '#daemon/log.ts'
import { startDaemon } from '#daemon/main.ts'
import { watchWindows } from '#daemon/windows.ts'
import { createSimulator, type Simulator, type SimulatorOptions } from '#drivers/simulator/simulator.ts'
import type { TurnRecord } from '#ports.ts'

/** A simulated host with a policy: what is played is the same whatever the policy. */
export interface Play {
  readonly host: SimulatorOptions
  readonly turns: number
  /** What happens in a turn. */
  readonly act?: (sim: Simulator, turn: number) => void
}

/** Plays it under a policy and answers the state directory, with the journal in it. */
export async function play({ host, turns, act = () => {} }: Play, policyText: string, dir: string): Promise<string> {
  const sim = createSimulator({ ...host, calendar: watchWindows })
  const stateDir = join(dir, 'state')
  const daemon = await startDaemon({
    policyText,
    stateDir,
    runDir: join(dir, 'run'),
    drivers: [sim.driver],
    clock: sim.clock,
    metrics: [sim.metrics],
    log: SILENT,
    journal: { checkpointEvery: 25 },
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  daemon.onTurn(({ turn }) => {
    act(sim, turn)
    if (turn >= turns) resolve()
  })
  await promise
  await daemon.stop()
  return stateDir
}

/** Part of the turns on record in which a goal was met, of those in which that could be told. */
export function metPart(stateDir: string, goal: string, from = 1): number {
  const records = recordsOf(stateDir, from)
  const known = records.flatMap(({ decision }) =>
    decision.goals.filter((its) => its.goal === goal && (its.status.kind === 'met' || its.status.kind === 'missed')),
  )
  return known.filter(({ status }) => status.kind === 'met').length / known.length
}

export function recordsOf(stateDir: string, from = 1): readonly TurnRecord[] {
  const journal = readJournal(journalPath(stateDir))
  if (journal === null) throw new Error(`there is no journal in ${stateDir}`)
  const records = journal.turns(from, journal.lastTurn())
  journal.close()
  return records
}

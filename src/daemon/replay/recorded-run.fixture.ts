import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Change } from '#core/model/decision.ts'
import { encodeCheckpoint, encodeDelta, type TurnBody } from '#daemon/journal/codec.ts'
import { journalPath, readJournal } from '#daemon/journal/reader.ts'
import { SILENT } from '#daemon/log.ts'
import { type Daemon, startDaemon } from '#daemon/main.ts'
import { watchWindows } from '#daemon/windows.ts'
import { createSimulator, type Simulator } from '#drivers/simulator/simulator.ts'
import type { TurnRecord } from '#ports.ts'

/** A record of more than ten simulated minutes in which everything happens that a replay has to cope with. */

export const LAST_TURN = 640
/** Turns in which something happens; what comes of it is seen from the next one on. */
export const AT = { reload: 300, stranger: 450, resume: 470, restart: 520 } as const

const FRONT = `
apiVersion: reeve/v1
host: { mode: manage, interval: 1s, headroom: { cpu: 2% }, surplus: { default: [batch] }, cooldown: 3s }
windows:
  late: { cron: "7-59 * * * *", zone: Europe/Berlin }
metrics:
  shop-p95: { source: push, domain: shop, unit: ms, staleAfter: 5s }
  api-p95: { source: push, domain: api, unit: ms, staleAfter: 5s }
`

/** In force until the reload. */
export const FIRST_POLICY = `${FRONT}
domains:
  shop: { driver: simulator }
  api: { driver: simulator }
  batch: { driver: simulator }
goals:
  - { domain: shop, kind: performance, metric: shop-p95, below: 200ms, priority: 1 }
  - { domain: api, kind: performance, metric: api-p95, below: 300ms, priority: 2 }
`

/** In force from the reload on: the domains stand in another order, one is capped, and a goal waits for its window. */
export const SECOND_POLICY = `${FRONT}
domains:
  batch: { driver: simulator, enforcement: cap }
  shop: { driver: simulator }
  api: { driver: simulator, cpu: { reservation: 100m } }
goals:
  - { domain: api, kind: performance, metric: api-p95, below: 300ms, priority: 1 }
  - { domain: shop, kind: performance, metric: shop-p95, below: 150ms, priority: 2 }
  - { domain: batch, kind: fixed, amounts: { cpu: 300m }, priority: 1, when: late }
`

/** Records the run; its journal is in the directory that is returned, for `--state`. */
export async function recordRun(dir: string): Promise<string> {
  const stateDir = join(dir, 'state')
  const sim = simulate()
  await runUntil(sim, dir, FIRST_POLICY, AT.restart)
  // It is stopped here and started again: what follows takes up what was known.
  await runUntil(sim, dir, SECOND_POLICY, LAST_TURN)
  return stateDir
}

function simulate(): Simulator {
  const service = { kind: 'open', spread: 'constant', parallelism: 4 } as const
  return createSimulator({
    cpus: 2,
    seed: 11,
    domains: [
      { name: 'shop', load: { ...service, arrivalsPerSecond: 30, demandMs: 25 } },
      { name: 'api', load: { ...service, arrivalsPerSecond: 16, demandMs: 40 } },
      { name: 'batch', load: { kind: 'batch', threads: 4 } },
    ],
    metrics: { 'shop-p95': { domain: 'shop', what: 'p95' }, 'api-p95': { domain: 'api', what: 'p95' } },
    faults: [
      { kind: 'write-fails', domain: 'batch', knob: 'cpu.weight', code: 'EIO', atMs: 0, untilMs: 15_000 },
      { kind: 'write-fails', domain: 'shop', knob: 'cpu.weight', code: 'EIO', atMs: 120_000, untilMs: 150_000 },
      { kind: 'write-fails', domain: 'api', knob: 'cpu.weight', code: 'EIO', atMs: 60_000, untilMs: 100_000 },
      { kind: 'vanish', domain: 'api', atMs: 192_000, backAtMs: 207_000, afterLook: true },
      { kind: 'metric-stops', metric: 'shop-p95', atMs: 400_000, untilMs: 420_000 },
    ],
    calendar: watchWindows,
  })
}

/** What happens in each turn, besides the faults. */
function act(sim: Simulator, daemon: Daemon, turn: number): void {
  if (turn % 40 === 0) sim.set('shop', { arrivalsPerSecond: turn % 80 === 0 ? 30 : 45 })
  if (turn % 70 === 0) sim.set('api', { demandMs: turn % 140 === 0 ? 40 : 25 })
  if (turn === AT.reload) void daemon.reload(SECOND_POLICY)
  if (turn === AT.stranger) void sim.driver.apply(STRANGE, new AbortController().signal)
  if (turn === AT.resume) daemon.resume()
}

/** Somebody gives the shop another weight. */
const STRANGE = { node: '/shop', knob: 'cpu.weight', identity: null, to: 321 } as unknown as Change

async function runUntil(sim: Simulator, dir: string, policyText: string, last: number): Promise<void> {
  const daemon = await startDaemon({
    policyText,
    stateDir: join(dir, 'state'),
    runDir: join(dir, 'run'),
    drivers: [sim.driver],
    clock: sim.clock,
    metrics: [sim.metrics],
    log: SILENT,
    journal: { checkpointEvery: 25 },
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  daemon.onTurn(({ turn }) => {
    act(sim, daemon, turn)
    if (turn >= last) resolve()
  })
  await promise
  await daemon.stop()
}

/** Changes what is on record of one turn, after the fact, and of no other: those behind it read as they did. */
export function alter(stateDir: string, turn: number, change: (record: TurnRecord) => Partial<TurnRecord>): void {
  const path = journalPath(stateDir)
  const reader = readJournal(path)
  const [record, before, next] = [turn, turn - 1, turn + 1].map((number) => reader?.turn(number) ?? null)
  reader?.close()
  if (record == null) throw new Error(`turn ${turn} is not on record`)
  const altered = { ...record, ...change(record) }
  const database = new DatabaseSync(path)
  const write = (number: number, { body, parts }: ReturnType<typeof encodeDelta>) =>
    database.prepare('UPDATE turns SET body = ?, parts = ? WHERE turn = ?').run(body, parts, number)
  write(
    turn,
    altered.knowledge === null
      ? encodeDelta(before as TurnBody, altered)
      : encodeCheckpoint(altered, altered.knowledge),
  )
  if (next != null && next.knowledge === null) write(turn + 1, encodeDelta(altered, next))
  database.close()
}

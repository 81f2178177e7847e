import { join } from 'node:path'
import { bedAvailable } from '#bed/host.ts'
import { takeLock } from '#daemon/lock.ts'
import { SILENT } from '#daemon/log.ts'
import { type Daemon, startDaemon } from '#daemon/main.ts'
import { takePrecedence } from '#daemon/precedence.ts'
import { compareStatic } from './compare.ts'
import type { Act } from './figures.ts'
import { Live } from './live.ts'
import { createMachineStage } from './machine-stage.ts'
import { clearDirectory, demoDirectory, takeDirectory } from './own-directory.ts'
import { LAST_ANSWERS_SECONDS, SHORTEST_SECONDS, timesOf } from './plan.ts'
import { Play } from './play.ts'
import { policyOf } from './policy.ts'
import { createRealStage } from './real-stage.ts'
import { type DemoReport, renderReport, reportOf, type StaticReport } from './report.ts'
import { createSimulatedStage } from './simulated-stage.ts'
import type { Stage } from './stage.ts'
import { whyNotReal } from './why-not-real.ts'

export interface DemoOptions {
  /** How long the whole may take; at least 44. */
  readonly seconds?: number
  readonly json?: boolean
  readonly compare?: boolean
  /** Play against the simulated host even where control groups can be written. */
  readonly simulate?: boolean
  /** Play with virtual machines of a private libvirtd instead of processes. */
  readonly vms?: boolean
}

const SECONDS = 90
const LOCK = 'demo.lock'
const SEED = 20_261_121

/** `reeve demo`: goals missed, then met, then met where no fixed weights could. Returns the exit code. */
export async function demoCommand(options: DemoOptions): Promise<number> {
  const seconds = options.seconds ?? SECONDS
  const live = new Live(options.json === true ? process.stderr : process.stdout)
  if (seconds < SHORTEST_SECONDS) {
    process.stderr.write(
      `reeve demo: --seconds ${seconds} is too short for three acts; it takes at least ${SHORTEST_SECONDS}\n`,
    )
    return 2
  }
  const bed = options.vms === true ? bedAvailable() : null
  if (bed?.available === false) {
    process.stderr.write(`reeve demo: --vms cannot be had here: ${bed.reason}; ${bed.remedy}\n`)
    return 1
  }
  const uid = process.geteuid?.() ?? 0
  const stateDir = demoDirectory(uid)
  takeDirectory(stateDir, uid)
  // Taken by a demo that still runs; else the demo before this one is swept, whatever became of it.
  const lock = takeLock(join(stateDir, LOCK))
  clearDirectory(stateDir, LOCK)
  const report = await perform(live, { ...options, seconds }, stateDir).finally(() => lock.release())
  if (report === null) return 130
  if (options.json === true) process.stdout.write(`${JSON.stringify(report)}\n`)
  else live.say(renderReport(report))
  return 0
}

async function perform(
  live: Live,
  options: DemoOptions & { readonly seconds: number },
  stateDir: string,
): Promise<DemoReport | null> {
  const startedMs = performance.now()
  const stage = await openStage(live, options, stateDir)
  const interrupted = new Promise<null>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(null))
    // Every further line that nobody reads says it again, also while the stage is cleared.
    process.on('SIGPIPE', () => resolve(null))
  })
  let daemon: Daemon | null = null
  try {
    daemon = await startDaemon({
      policyText: policyOf(stage.cast, stage.plan, 'observe', 'steady'),
      stateDir,
      runDir: stateDir,
      drivers: stage.drivers,
      clock: stage.clock,
      metrics: stage.metrics,
      log: SILENT,
    })
    await takePrecedence()
    return await Promise.race([interrupted, playAll(live, stage, daemon, options, stateDir, startedMs)])
  } finally {
    await daemon?.stop()
    await stage.close()
  }
}

async function openStage(live: Live, { simulate, vms }: DemoOptions, stateDir: string): Promise<Stage> {
  if (vms === true) {
    live.say('On this host, with virtual machines of a private libvirtd, under emulation. Booting three ...')
    return createMachineStage(stateDir, SEED)
  }
  const reason = simulate === true ? 'as asked' : whyNotReal()
  if (reason !== null) {
    live.say(
      `On a SIMULATED host (${reason}): the same code decides, but no process runs and nothing here is measured.`,
    )
    return createSimulatedStage(SEED)
  }
  live.say('On this host, with real processes in control groups of their own. Starting ...')
  return createRealStage(stateDir, SEED)
}

async function playAll(
  live: Live,
  stage: Stage,
  daemon: Daemon,
  { seconds, compare }: DemoOptions & { readonly seconds: number },
  stateDir: string,
  startedMs: number,
): Promise<DemoReport> {
  const play = new Play(stage, daemon)
  const unsubscribe = daemon.onTurn((turn) => live.show(turn))
  await stage.ready()
  const left = seconds - (performance.now() - startedMs) / 1000
  // Comparing takes as long again as the acts themselves.
  const times = timesOf(compare === true ? left / 2 : left)
  const { plan } = stage
  const acts: Act[] = []
  play.steady()
  live.scene({
    title: 'Act one, unmanaged: equal weights, the kernel shares the CPU by itself',
    goals: 'latency',
    plan,
  })
  acts.push(await play.act('unmanaged', 'latency', times.unmanaged))
  live.scene({
    title: 'Act two, managed: Reeve moves CPU to the goals, the most important first',
    goals: 'latency',
    plan,
  })
  await play.policy(policyOf(stage.cast, stage.plan, 'manage', 'steady'))
  acts.push(await play.act('managed', 'latency', times.managed))
  const { perSecond } = plan.crossed
  live.scene({
    title: `Act three, overrun: clients press for more than the goals (${perSecond}/s each); half-way the costs cross`,
    goals: 'throughput',
    plan,
  })
  play.crossed('api')
  await play.policy(policyOf(stage.cast, stage.plan, 'manage', 'crossed'))
  acts.push(
    await play.act('crossed', 'throughput', times.crossed, () => {
      live.say('  the cost of a request falls in api and rises in shop')
      play.crossed('shop')
    }),
  )
  const comparison: StaticReport[] = compare === true ? await compareStatic(live, stage, play, seconds / 2) : []
  // The last windows are measured only after the patience of their requests has run out.
  live.say('  waiting for the last answers')
  await play.pass(LAST_ANSWERS_SECONDS)
  unsubscribe()
  play.end()
  return reportOf(stage, acts, comparison, stateDir, (performance.now() - startedMs) / 1000)
}

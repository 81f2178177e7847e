/**
 * `machines-host.ts ROUNDS`: what a daemon costs over six live machines, and how soon it answers a change of load. Each
 * round measures everything once; prints all rounds.
 */
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BedGuest, type BedHost, startHost } from '#bed/host.ts'
import { setLoad } from '#bed/load.ts'
import { createCgroupDriver } from '#drivers/cgroup/driver.ts'
import { connect } from '#drivers/libvirt/connection.ts'
import { createLibvirtDriver } from '#drivers/libvirt/driver.ts'
import { loadLibvirt } from '#drivers/libvirt/library.ts'
import { MACHINE_STATS } from '#drivers/libvirt/machine.ts'
import type { Driver } from '#ports.ts'
import { answerToStep, type StepAnswer } from './load-step.ts'
import { groupsOf, type MachineGroups } from './machine-groups.ts'
import { type MeasuredDaemon, startMeasured, type TurnCost } from './measured-daemon.ts'
import { median } from './median.ts'

const MACHINES = 6
const BUSY = MACHINES / 2
const INTERVAL_MS = 1000
/** Of a CPU each: the rest of the host needs some, too. */
const BUSY_LOAD = 0.4
/** Turns of a daemon in quick succession before the measured ones: it runs for months, its first minutes are not the rule. */
const WARM_UP = 1000
const WARM_UP_INTERVAL_MS = 20
/** The first turns at the measured interval are not the rule; in those after them the slow look comes twice. */
const SETTLING = 5
const MEASURED = 20
const WITHOUT_MS = 15_000
/** Repetitions of reading by other ways. */
const READS = 7
export const STEPS_PER_ROUND = 2

export interface RoundFigures {
  /** The mean of all turns, with the slow looks that fall on some of them, and of the median turn. */
  readonly ownCpuMs: { readonly idle: number; readonly busy: number; readonly medianBusy: number }
  /** CPU of libvirtd and the emulator threads that a turn causes: what they use with Reeve less what without. */
  readonly causedCpuMs: number
  /** What they use in a second without anybody. */
  readonly aloneCpuMs: number
  /** Of the median turn, and of the slowest. */
  readonly wallMs: { readonly median: number; readonly most: number }
  readonly virsh: ReadFigures
  readonly libvirt: ReadFigures
  readonly steps: readonly StepAnswer[]
}

export interface ReadFigures {
  readonly wallMs: number
  /** In libvirtd and the emulator threads; with what they do anyway, which is little in so short a time. */
  readonly causedCpuMs: number
}

async function main(rounds: number): Promise<readonly RoundFigures[]> {
  const host = await startHost('bench')
  try {
    const guests: BedGuest[] = []
    for (let i = 0; i < MACHINES; i++) guests.push(await host.start({ name: `vm-${i}` }))
    const figures: RoundFigures[] = []
    for (let round = 0; round < rounds; round++) {
      figures.push(await measureRound(host, guests, round))
      process.stderr.write(`round ${round + 1} of ${rounds}: ${JSON.stringify(figures.at(-1))}\n`)
    }
    return figures
  } finally {
    await host.stop()
  }
}

async function measureRound(host: BedHost, guests: readonly BedGuest[], round: number): Promise<RoundFigures> {
  const groups = groupsOf(host)
  const aloneMs = await perSecondAlone(groups)
  const idle = await measureTurns(host, groups)
  await setLoads(guests, (i) => (i < BUSY ? BUSY_LOAD : 0))
  const busy = await measureTurns(host, groups)
  const virsh = await readings(
    groups,
    async () => void execFileSync('virsh', ['-c', host.uri, 'domstats'], { stdio: 'ignore' }),
  )
  const connection = await connect(await loadLibvirt(), host.uri)
  const wanted = [...new Set([...MACHINE_STATS, 'cpu'] as const)]
  const libvirt = await readings(groups, async () => void (await connection.stats(wanted)))
  await connection.close()
  const steps = await measureSteps(host, guests, groups, round)
  await setLoads(guests, () => 0)
  const walls = busy.map(({ wallMs }) => wallMs)
  return {
    ownCpuMs: { idle: mean(idle.map(cpuOf)), busy: mean(busy.map(cpuOf)), medianBusy: median(busy.map(cpuOf)) },
    causedCpuMs: perTurn(idle) - aloneMs,
    aloneCpuMs: aloneMs,
    wallMs: { median: median(walls), most: Math.max(...walls) },
    virsh,
    libvirt,
    steps,
  }
}

const cpuOf = ({ cpuMs }: TurnCost): number => cpuMs

/** A turn is made once a second. */
async function perSecondAlone(groups: MachineGroups): Promise<number> {
  const [fromMs, before] = [performance.now(), groups.overheadMs()]
  await sleep(WITHOUT_MS)
  return ((groups.overheadMs() - before) * 1000) / (performance.now() - fromMs)
}

/** Of the overhead, from the end of the first of these turns to the end of the last. */
function perTurn(turns: readonly TurnCost[]): number {
  return ((turns.at(-1)?.alongside ?? Number.NaN) - (turns[0]?.alongside ?? Number.NaN)) / (turns.length - 1)
}

async function measureTurns(host: BedHost, groups: MachineGroups): Promise<readonly TurnCost[]> {
  return withDaemon(
    host,
    groups,
    async (daemon) => {
      await daemon.turns(WARM_UP)
      await daemon.reload(policyText(host, INTERVAL_MS))
      await daemon.turns(SETTLING)
      return daemon.turns(MEASURED)
    },
    WARM_UP_INTERVAL_MS,
  )
}

async function measureSteps(
  host: BedHost,
  guests: readonly BedGuest[],
  groups: MachineGroups,
  round: number,
): Promise<readonly StepAnswer[]> {
  // There is enough for what it will want, so that its new weight is no matter of what others do meanwhile.
  const [stepping, resting] = [guests.slice(0, STEPS_PER_ROUND), guests.slice(STEPS_PER_ROUND)]
  await setLoads(guests, () => 0)
  for (const { name } of resting) await host.virsh('suspend', name)
  const answers = await withDaemon(host, groups, async () => {
    const each: StepAnswer[] = []
    // Each of another one, because what a machine wanted counts for a while.
    for (const [step, guest] of stepping.entries()) {
      // Steps fall on every part of an interval, spread by the golden ratio.
      const phase = ((round * STEPS_PER_ROUND + step) * 0.618) % 1
      each.push(await answerToStep(guest, () => groups.weight(guest.name) ?? 0, phase * 1000))
    }
    return each
  })
  for (const { name } of resting) await host.virsh('resume', name)
  return answers
}

async function withDaemon<Result>(
  host: BedHost,
  groups: MachineGroups,
  work: (daemon: MeasuredDaemon) => Promise<Result>,
  intervalMs = INTERVAL_MS,
): Promise<Result> {
  const groupDriver = await createCgroupDriver({ outputDir: '/nonexistent' })
  const drivers: readonly Driver[] = [createLibvirtDriver({ groups: groupDriver, uris: [host.uri] }), groupDriver]
  const daemon = await startMeasured(policyText(host, intervalMs), drivers, groups.overheadMs)
  try {
    return await work(daemon)
  } finally {
    await daemon.stop()
    for (const driver of drivers) await driver.close()
  }
}

const policyText = ({ uri }: BedHost, intervalMs: number) => `
apiVersion: reeve/v1
host: { mode: manage, interval: ${intervalMs}ms, cooldown: 2s, libvirt: ["${uri}"] }
domains:
  vm-*: { driver: libvirt }
goals:
  - { domain: vm-*, kind: utilization, target: 75%, priority: 1 }
`

async function setLoads(guests: readonly BedGuest[], loadOf: (index: number) => number): Promise<void> {
  await Promise.all(guests.map((guest, i) => setLoad(guest, loadOf(i))))
}

async function readings(groups: MachineGroups, read: () => Promise<void>): Promise<ReadFigures> {
  const walls: number[] = []
  const before = groups.overheadMs()
  for (let i = 0; i < READS; i++) {
    const fromMs = performance.now()
    await read()
    walls.push(performance.now() - fromMs)
  }
  return { wallMs: median(walls), causedCpuMs: (groups.overheadMs() - before) / READS }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

process.stdout.write(`${JSON.stringify(await main(Number(process.argv[2])))}\n`)

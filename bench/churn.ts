import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type BedHost, startHost } from '#bed/host.ts'
import type { SamePolicyReport } from '#daemon/replay/report.ts'
import { groupsOf, type MachineGroups } from './machine-groups.ts'
import { median } from './median.ts'
import { differingOf, replayed } from './replayed.ts'
import type { BenchResult } from './result.ts'

const LAUNCHER = fileURLToPath(new URL('../bin/reeve', import.meta.url))
const MINUTES = 20
const MACHINES = 6
/** In 20 minutes 200 machines are stopped and started. */
const EVERY_MS = 6000
/** How long a machine is away. */
const AWAY_MS = 1000
/** A machine that is not managed so long after its start counts as not managed. */
const MANAGED_WITHIN_MS = 20_000
const SAMPLE_MS = 1000
const MIB = 1024 * 1024
const GROWTH_MOST = 5

interface Sample {
  readonly atMs: number
  readonly rssBytes: number
  /** Of these, what no other process shares and no file backs. */
  readonly ownBytes: number
  readonly descriptors: number
}

/** Machines that come and go under `reeve up`: what does it keep of those that are gone? */
export async function benchChurn(minutes = MINUTES): Promise<BenchResult[]> {
  const dir = mkdtempSync(join(tmpdir(), 'reeve-churn-'))
  const host = await startHost('churn')
  let daemon: Daemon | null = null
  try {
    for (let i = 0; i < MACHINES; i++) (await host.start({ name: nameOf(i) })).close()
    daemon = await startReeve(host, dir)
    const results = await churn(host, daemon, minutes * 60_000)
    await daemon.stop()
    return [...results, decidedAgain(await replayed(stateIn(dir)))]
  } finally {
    await daemon?.stop()
    await host.stop()
    rmSync(dir, { recursive: true })
  }
}

async function churn(host: BedHost, daemon: Daemon, lengthMs: number): Promise<BenchResult[]> {
  const groups = groupsOf(host)
  const startedMs = performance.now()
  const samples: Sample[] = []
  const sampler = setInterval(() => samples.push(daemon.sample(performance.now() - startedMs)), SAMPLE_MS)
  const managedMs: number[] = []
  let restarts = 0
  try {
    for (; performance.now() - startedMs < lengthMs; restarts++) {
      const dueMs = startedMs + (restarts + 1) * EVERY_MS
      const took = await restart(host, groups, nameOf(restarts % MACHINES))
      if (took !== null) managedMs.push(took)
      await sleep(Math.max(0, dueMs - performance.now()))
    }
  } finally {
    clearInterval(sampler)
  }
  const first = during(samples, lengthMs / 10, lengthMs / 20)
  const middle = during(samples, lengthMs / 2, lengthMs / 20)
  const last = during(samples, lengthMs * 0.95, lengthMs / 20)
  const growth = (last.rssBytes / first.rssBytes - 1) * 100
  const lost = restarts - managedMs.length
  const within = `median ${(median(managedMs) / 1000).toFixed(1)} s, most ${(Math.max(...managedMs) / 1000).toFixed(1)} s after its start`
  const mib = (bytes: number) => (bytes / MIB).toFixed(1)
  return [
    {
      name: `${lengthMs / 60_000} minutes, ${MACHINES} machines: stopped and started`,
      median: restarts,
      unit: 'times',
    },
    {
      name: 'growth of the daemon’s memory after a tenth of the time',
      median: growth,
      unit: '%',
      target: GROWTH_MOST,
      met: growth < GROWTH_MOST,
      note: `from ${mib(first.rssBytes)} to ${mib(last.rssBytes)} MiB`,
    },
    {
      name: 'of which in the second half',
      median: (last.rssBytes / middle.rssBytes - 1) * 100,
      unit: '%',
      note: `from ${mib(middle.rssBytes)} MiB`,
    },
    {
      name: 'growth of what of it are no pages of files',
      median: (last.ownBytes / first.ownBytes - 1) * 100,
      unit: '%',
      note: `from ${mib(first.ownBytes)} to ${mib(last.ownBytes)} MiB, half way ${mib(middle.ownBytes)} MiB`,
    },
    {
      name: 'its file descriptors at the end, beyond those after a tenth of the time',
      median: last.descriptors - first.descriptors,
      unit: '',
      // There is one for each thread of a machine, and those come and go; one lost at each start would be far more.
      met: last.descriptors - first.descriptors < restarts / 10,
      note: `from ${first.descriptors} to ${last.descriptors}`,
    },
    { name: 'machines that came back and were not managed', median: lost, unit: '', met: lost === 0, note: within },
    { name: 'turns that failed', median: daemon.failedTurns(), unit: '', met: daemon.failedTurns() === 0 },
  ]
}

function decidedAgain(report: SamePolicyReport): BenchResult {
  const { turns, differences } = report
  return {
    name: 'turns that come out otherwise when its journal is replayed',
    median: differingOf(report),
    unit: '',
    met: turns > 0 && differingOf(report) === 0,
    note: [`of ${turns}`, ...differences.map((one) => JSON.stringify(one))].join(', '),
  }
}

/** Returns how long after its start the machine was managed again; null where it was not. */
async function restart(host: BedHost, groups: MachineGroups, name: string): Promise<number | null> {
  await host.virsh('destroy', name)
  await sleep(AWAY_MS)
  await host.virsh('start', name)
  const startedMs = performance.now()
  for (;;) {
    const tookMs = performance.now() - startedMs
    if (groups.isSet(name)) return tookMs
    if (tookMs > MANAGED_WITHIN_MS) return null
    await sleep(50)
  }
}

/** The median of the samples around an instant. */
function during(samples: readonly Sample[], atMs: number, aroundMs: number): Omit<Sample, 'atMs'> {
  const near = samples.filter((one) => Math.abs(one.atMs - atMs) <= aroundMs)
  return {
    rssBytes: median(near.map(({ rssBytes }) => rssBytes)),
    ownBytes: median(near.map(({ ownBytes }) => ownBytes)),
    descriptors: median(near.map(({ descriptors }) => descriptors)),
  }
}

interface Daemon {
  sample(atMs: number): Sample
  /** How often it said that turns are not made. */
  failedTurns(): number
  stop(): Promise<void>
}

async function startReeve(host: BedHost, dir: string): Promise<Daemon> {
  const policyFile = join(dir, 'policy.yaml')
  writeFileSync(policyFile, policyText(host))
  mkdirSync(join(dir, 'run'))
  const places = ['--state', stateIn(dir), '--socket', join(dir, 'run', 'control.sock')]
  // It ends with the bench, by whatever end.
  const child: ChildProcess = spawn('setpriv', ['--pdeathsig', 'KILL', LAUNCHER, 'up', '-c', policyFile, ...places], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const groups = groupsOf(host)
  while (!Array.from({ length: MACHINES }, (_, i) => nameOf(i)).every((name) => groups.isSet(name))) {
    if (child.exitCode !== null) throw new Error(`reeve up ended with ${child.exitCode}: ${said}`)
    await sleep(100)
  }
  const proc = `/proc/${child.pid}`
  const held = (field: string): number =>
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`${proc}/status`, 'utf8'))?.[1]) * 1024
  return {
    sample: (atMs) => ({
      atMs,
      rssBytes: held('VmRSS'),
      ownBytes: held('RssAnon'),
      descriptors: readdirSync(`${proc}/fd`).length,
    }),
    failedTurns: () => said.split('was not made').length - 1,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** Every machine gets a weight that none has by itself, and more where it uses that. */
const policyText = ({ uri }: BedHost) => `
apiVersion: reeve/v1
host: { mode: manage, interval: 1s, libvirt: ["${uri}"] }
domains:
  vm-*: { driver: libvirt }
goals:
  - { domain: vm-*, kind: fixed, amounts: { cpu: 200m }, priority: 1 }
  - { domain: vm-*, kind: utilization, target: 75%, priority: 2 }
`

const stateIn = (dir: string): string => join(dir, 'state')

const nameOf = (index: number): string => `vm-${index}`

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { availableParallelism, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stolenCpuSeconds } from '#demo/by-hand.ts'
import { Link } from '#demo/link-server.ts'
import { HTTP_COST_MS } from '#demo/plan.ts'
import type { Load, Window } from '#demo/workloads/link.ts'
import { startCommand } from '#drivers/cgroup/command.ts'
import { sweep } from '#drivers/cgroup/driver.ts'
import { makeGroup } from '#drivers/cgroup/groups.ts'
import { WEIGHT_RANGE } from '#drivers/cgroup/knobs.ts'
import { findLayout, type Layout } from '#drivers/cgroup/layout.ts'
import { threadsOf } from '#drivers/cgroup/members.ts'
import { openScheduling, setScheduling } from '#drivers/cgroup/scheduling.ts'
import type { Demand } from './acts.ts'
import { CAPACITY, DOMAINS, type Domain, SERVICES, type Service } from './cast.ts'
import { heldByProcesses, resetSettings, setKnob } from './settings.ts'

const ROOT = 'reeve-goals'
const DEMO_WORKLOADS = fileURLToPath(new URL('../../src/demo/workloads/', import.meta.url))
const OWN_WORKLOADS = fileURLToPath(new URL('workloads/', import.meta.url))
const JANITOR = fileURLToPath(new URL('janitor.ts', import.meta.url))
/** Where files are on a disk, as a store's are: what /tmp has may itself be memory. */
const DISK = '/var/tmp'

/**
 * The processes that are managed and measured, in groups of their own below `<root>/work`, and beside them the load
 * generator, in a group with standing enough that what it measures does not depend on what it measures.
 */
export interface Stage {
  readonly layout: Layout
  /** Name of the group that holds all others. */
  readonly root: string
  readonly directory: string
  readonly monitorFile: string
  pathOf(domain: Domain): string
  /** What clients of the service do from now on; undefined ends them. */
  demand(service: Service, demand: Demand | undefined): void
  /** Makes memory for files as short as this, for all domains together; null takes the limit away. */
  shorten(fileBytes: number | null): void
  /** Settings as the kernel makes them. */
  reset(): void
  /** Every second that was measured so far, by the generator alone. */
  windows(service: Service): readonly Window[]
  /** Hashes that the batch jobs have done so far. */
  work(): number
  /** How long the generator's threads have waited for a CPU so far, and how often they got one. */
  generatorWaits(): Waits
  stolenCpuSeconds(): number
  /** Everything that was started is gone when it resolves. */
  close(): Promise<void>
}

export interface Waits {
  readonly waitedMs: number
  readonly times: number
}

export async function createStage(seed: number): Promise<Stage> {
  const layout = findLayout(ROOT)
  if (layout === null) throw new Error('no control groups are mounted that could carry a domain')
  await sweep(ROOT)
  const directory = mkdtempSync(join(DISK, 'reeve-goals-'))
  const janitor = spawn(process.execPath, [...process.execArgv, JANITOR, ROOT, directory], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  })
  try {
    return await openStage(layout, directory, seed, janitor)
  } catch (error) {
    await dismiss(janitor)
    throw error
  }
}

async function dismiss(janitor: ChildProcess): Promise<void> {
  janitor.stdin?.end()
  if (janitor.exitCode === null && janitor.signalCode === null) await once(janitor, 'exit')
}

async function openStage(layout: Layout, directory: string, seed: number, janitor: ChildProcess): Promise<Stage> {
  const link = new Link(join(directory, 'link.sock'))
  await link.listen()
  const above = `${layout.rootPath}/work`
  const pathOf = (domain: Domain): string => `${above}/${domain}`
  const generatorPath = `${layout.rootPath}/generator`
  const monitorFile = join(directory, 'monitor.json')
  const user = userInfo().username
  const environment = { REEVE_DEMO_SOCKET: join(directory, 'link.sock') }
  const start = async (path: string, name: string, ...argv: [string, ...string[]]): Promise<void> => {
    makeGroup(layout, path)
    const command = { argv: [process.execPath, ...argv] as [string, ...string[]], user, directory: '/', environment }
    await startCommand(layout, path, name, command, join(directory, 'output'))
  }
  makeGroup(layout, above)
  if (availableParallelism() > CAPACITY / 1000) setCpus(layout, layout.rootPath)
  // Everybody has this precedence over the rest of the host, so that others disturb none more than another.
  const { most } = WEIGHT_RANGE[layout.version]
  for (const path of [layout.rootPath, above, generatorPath]) {
    makeGroup(layout, path)
    setKnob(layout, path, 'cpu.weight', Math.round(most / 4))
  }
  mkdirSync(join(directory, 'files'))
  for (const name of ['shop', 'api', 'search'] as const)
    await start(pathOf(name), name, join(DEMO_WORKLOADS, 'service.ts'), name)
  await start(pathOf('store'), 'store', join(OWN_WORKLOADS, 'store.ts'), 'store', join(directory, 'files', 'store'))
  await start(pathOf('batch'), 'batch', join(DEMO_WORKLOADS, 'batch.ts'))
  await start(pathOf('scan'), 'scan', join(OWN_WORKLOADS, 'scan.ts'), 'scan', join(directory, 'files', 'scan'))
  await start(generatorPath, 'generator', join(DEMO_WORKLOADS, 'generator.ts'), monitorFile, `${seed}`)
  await link.ready([...DOMAINS, 'generator'], SERVICES)
  await openScheduling()
  // A generator that sleeps and wakes a thousand times a second is not to wait for a tick each time.
  setScheduling(layout, [generatorPath], 'other:0:0.1')

  return {
    layout,
    root: ROOT,
    directory,
    monitorFile,
    pathOf,
    demand(service, demand) {
      const port = link.ports.get(service) as number
      if (demand !== undefined) link.order(service, { type: 'cost', cpuMs: Math.max(0, demand.costMs - HTTP_COST_MS) })
      link.order('generator', { type: 'load', service, at: { kind: 'http', port }, load: loadOf(demand) })
    },
    shorten(fileBytes) {
      const limit = fileBytes === null ? null : heldByProcesses(layout, above) + fileBytes
      setKnob(layout, above, 'memory.limit', limit)
    },
    reset: () => resetSettings(layout, pathOf),
    windows: (service) => link.windows.get(service) ?? [],
    work: () => [...link.work.values()].reduce((sum, hashes) => sum + hashes, 0),
    generatorWaits: () => waitsOf(layout, generatorPath),
    stolenCpuSeconds,
    async close() {
      await link.close()
      await dismiss(janitor)
    },
  }
}

function loadOf(demand: Demand | undefined): Load {
  if (demand === undefined) return { kind: 'none' }
  return demand.kind === 'open'
    ? { kind: 'open', perSecond: demand.perSecond }
    : { kind: 'pressing', outstanding: demand.outstanding }
}

function setCpus(layout: Layout, path: string): void {
  setKnob(layout, path, 'cpu.set', `0-${CAPACITY / 1000 - 1}`)
}

const NS_PER_MS = 1e6

/** Of `/proc/ID/schedstat`: time on a CPU, time waiting for one (ns), and how often one was got. */
function waitsOf(layout: Layout, path: string): Waits {
  const all = threadsOf(layout, path).map((thread) => readFileSync(`/proc/${thread}/schedstat`, 'latin1').split(' '))
  return {
    waitedMs: all.reduce((sum, [, waited]) => sum + Number(waited), 0) / NS_PER_MS,
    times: all.reduce((sum, [, , times]) => sum + Number(times), 0),
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, statSync } from 'node:fs'
import { availableParallelism, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { standAboveOthers, stolenCpuSeconds } from '#demo/by-hand.ts'
import { Link } from '#demo/link-server.ts'
import { HTTP_COST_MS } from '#demo/plan.ts'
import type { Load, Window } from '#demo/workloads/link.ts'
import { startCommand } from '#drivers/cgroup/command.ts'
import { sweep } from '#drivers/cgroup/driver.ts'
import { isPopulated, makeGroup } from '#drivers/cgroup/groups.ts'
import { DEFAULT_WEIGHT, WEIGHT_RANGE } from '#drivers/cgroup/knobs.ts'
import { findLayout, type Layout } from '#drivers/cgroup/layout.ts'
import { threadsOf } from '#drivers/cgroup/members.ts'
import type { Demand } from './acts.ts'
import { CAPACITY, DOMAINS, type Domain, SERVICES, type Service } from './cast.ts'
import { heldByProcesses, resetSettings, setKnob, setMemoryLimitNow } from './settings.ts'

const ROOT = 'reeve-goals'
const DEMO_WORKLOADS = fileURLToPath(new URL('../../src/demo/workloads/', import.meta.url))
const OWN_WORKLOADS = fileURLToPath(new URL('workloads/', import.meta.url))
const JANITOR = fileURLToPath(new URL('janitor.ts', import.meta.url))
/** What is read and written while things are measured is in memory: a disk that is busy stops whoever renames a file. */
const IN_MEMORY = '/dev/shm'
/** What a store and Reeve's journal are kept on. */
const ON_DISK = '/var/tmp'

/**
 * The processes that are managed and measured, in groups of their own below `<root>/work`, and beside them the load
 * generator, in a group whose standing is above all theirs.
 */
export interface Stage {
  readonly layout: Layout
  /** Name of the group that holds all others. */
  readonly root: string
  readonly directory: string
  readonly diskDirectory: string
  readonly monitorFile: string
  pathOf(domain: Domain): string
  /** What clients of the service do from now on; undefined ends them. */
  demand(service: Service, demand: Demand | undefined): void
  /** Makes memory for files as short as this, for all domains together; null takes the limit away. */
  shorten(fileBytes: number | null): Promise<void>
  /** Settings of the domains as the kernel makes them, and those of the places above as they are for everybody. */
  reset(): void
  /** Whether the rest of the host goes before the stage for now, or the stage before it. */
  makeWay(isAside: boolean): void
  /** Every second that was measured so far, by the generator alone. */
  windows(service: Service): readonly Window[]
  /** @throws where a service or a job has ended: what was measured since then says nothing of a contender. */
  mustBeWhole(): void
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
  const [directory, diskDirectory] = [IN_MEMORY, ON_DISK].map((above) => mkdtempSync(join(above, 'reeve-goals-'))) as [
    string,
    string,
  ]
  const janitor = spawn(process.execPath, [...process.execArgv, JANITOR, ROOT, directory, diskDirectory], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  })
  try {
    return await openStage({ layout, directory, diskDirectory, janitor }, seed)
  } catch (error) {
    await dismiss(janitor)
    throw error
  }
}

async function dismiss(janitor: ChildProcess): Promise<void> {
  janitor.stdin?.end()
  if (janitor.exitCode === null && janitor.signalCode === null) await once(janitor, 'exit')
}

interface Ground {
  readonly layout: Layout
  readonly directory: string
  readonly diskDirectory: string
  readonly janitor: ChildProcess
}

async function openStage({ layout, directory, diskDirectory, janitor }: Ground, seed: number): Promise<Stage> {
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
  makeGroup(layout, generatorPath)
  const weigh = (path: string, weight: number): void => setKnob(layout, path, 'cpu.weight', weight)
  const weighPlaces = (): void => {
    for (const path of [layout.rootPath, above]) weigh(path, precedence(layout))
  }
  weighPlaces()
  for (const name of ['shop', 'api', 'search'] as const)
    await start(pathOf(name), name, join(DEMO_WORKLOADS, 'service.ts'), name)
  await start(pathOf('store'), 'store', join(OWN_WORKLOADS, 'store.ts'), 'store', join(diskDirectory, 'store'))
  await start(pathOf('batch'), 'batch', join(DEMO_WORKLOADS, 'batch.ts'))
  await start(pathOf('scan'), 'scan', join(OWN_WORKLOADS, 'scan.ts'), 'scan', join(diskDirectory, 'scan'))
  await start(generatorPath, 'generator', join(DEMO_WORKLOADS, 'generator.ts'), monitorFile, `${seed}`)
  slowDisk(layout, pathOf('store'), diskDirectory)
  await link.ready([...DOMAINS, 'generator'], SERVICES)
  if (!(await standAboveOthers(layout, generatorPath))) {
    throw new Error(
      `this kernel gives ${generatorPath} no real-time class, so the generator would measure its own waiting`,
    )
  }

  return {
    layout,
    root: ROOT,
    directory,
    diskDirectory,
    monitorFile,
    pathOf,
    demand(service, demand) {
      const port = link.ports.get(service) as number
      if (demand !== undefined) link.order(service, { type: 'cost', cpuMs: Math.max(0, demand.costMs - HTTP_COST_MS) })
      link.order('generator', { type: 'load', service, at: { kind: 'http', port }, load: loadOf(demand) })
    },
    async shorten(fileBytes) {
      const limit = fileBytes === null ? null : heldByProcesses(layout, above) + fileBytes
      // The kernel takes pages away until the limit holds, which it never does while the scan fetches them again as fast.
      setKnob(layout, pathOf('scan'), 'freeze', 1)
      try {
        setMemoryLimitNow(layout, above, limit)
      } finally {
        setKnob(layout, pathOf('scan'), 'freeze', 0)
      }
    },
    reset() {
      resetSettings(layout, pathOf)
      weighPlaces()
    },
    makeWay: (isAside) => weigh(layout.rootPath, isAside ? WEIGHT_RANGE[layout.version].least : precedence(layout)),
    windows: (service) => link.windows.get(service) ?? [],
    mustBeWhole() {
      const ended = DOMAINS.filter((domain) => !isPopulated(layout, pathOf(domain)))
      if (ended.length > 0) throw new Error(`${ended.join(' and ')} ended by itself; the kernel's log may tell why`)
    },
    work: () => [...link.work.values()].reduce((sum, hashes) => sum + hashes, 0),
    generatorWaits: () => waitsOf(layout, generatorPath),
    stolenCpuSeconds,
    async close() {
      await link.close()
      await dismiss(janitor)
    },
  }
}

/**
 * Of the whole stage over the rest of the host, under every contender, so that others disturb none more than another.
 * Not more: the kernel's own threads, without which no disk writes anything, are among the rest.
 */
const precedence = (layout: Layout): number => 8 * DEFAULT_WEIGHT[layout.version]

function loadOf(demand: Demand | undefined): Load {
  if (demand === undefined) return { kind: 'none' }
  return demand.kind === 'open'
    ? { kind: 'open', perSecond: demand.perSecond }
    : { kind: 'pressing', outstanding: demand.outstanding }
}

function setCpus(layout: Layout, path: string): void {
  setKnob(layout, path, 'cpu.set', `0-${CAPACITY / 1000 - 1}`)
}

/**
 * What the store may read a second from its disk: half of its requests' reads. Disks of today's hosts are so quick, beside
 * CPUs that others want too, that what is missing in memory would hardly show in the latency of an answer.
 */
const STORE_READS = 8 * 2 ** 20

function slowDisk(layout: Layout, path: string, directory: string): void {
  const device = statSync(directory).dev
  setKnob(layout, path, 'io.read.limit', STORE_READS, `${device >> 8}:${device & 0xff}`)
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

import type { Handle } from './call.ts'
import { type DomainId, type DomainInfo, idOf, infoOf, listDomains, PAUSED } from './domain-list.ts'
import { type Channel, type Library, LibvirtError } from './library.ts'
import { PARAM_BYTES, type ParamValue, packParams, unpackParams, type WrittenParam } from './params.ts'
import type { Pins } from './pins.ts'

/** One libvirt connection, domain by domain: plain values in and out, every handle freed. */
export interface Connection {
  readonly uri: string
  /** What libvirt calls its driver there: `QEMU`, `LXC`, `TEST`. */
  readonly hypervisor: string
  /** Every running domain, which any hypervisor can tell, with a call for each. */
  domains(): Promise<readonly DomainInfo[]>
  /**
   * What libvirt knows of every running domain, by the groups of counters that are asked for. Where `vcpu` is among
   * them and `cpus` says how many the host has, also its pins.
   */
  stats(groups: readonly StatsGroup[], cpus?: number): Promise<readonly DomainStats[]>
  /** What the scheduler of a domain is set to now: `cpu_shares`, `vcpu_quota`, `global_quota` and so on. */
  scheduler(uuid: string): Promise<ReadonlyMap<string, ParamValue>>
  setScheduler(uuid: string, params: readonly WrittenParam[]): Promise<void>
  /** CPUs that each vCPU may run on, then those of the emulator, as maps of one bit for each CPU. */
  pins(uuid: string, vcpus: number, cpus: number): Promise<Pins>
  pinVcpu(uuid: string, vcpu: number, map: Buffer): Promise<void>
  pinEmulator(uuid: string, map: Buffer): Promise<void>
  /** Bytes that it has now. */
  memory(uuid: string): Promise<number>
  /** Asks the guest's balloon to leave it so much. */
  setMemory(uuid: string, bytes: number): Promise<void>
  /** What a disk is limited to now: `read_bytes_sec`, `group_name` and so on. */
  diskTune(uuid: string, disk: string): Promise<ReadonlyMap<string, ParamValue>>
  setDiskTune(uuid: string, disk: string, params: readonly WrittenParam[]): Promise<void>
  /** How many vCPUs it has now. */
  vcpus(uuid: string): Promise<number>
  /** Plugs vCPUs in until it has so many; fewer than it has would be pulled out. */
  setVcpus(uuid: string, count: number): Promise<void>
  /** What the guest's agent says of its vCPUs, as lists of numbers: `vcpus`, `online`, `offlinable`. Not to be trusted. */
  guestVcpus(uuid: string): Promise<ReadonlyMap<string, ParamValue>>
  /** Asks the guest's agent to use the vCPUs of a list such as `1,3`, or to park them. */
  setGuestVcpus(uuid: string, list: string, use: boolean): Promise<void>
  /** How long whoever asks the guest's agent waits for it, in whole seconds; null for as long as it takes. */
  setAgentTimeout(uuid: string, seconds: number | null): Promise<void>
  /** How it runs now, as libvirt describes it; what others keep in its metadata is in there, too. */
  description(uuid: string): Promise<string>
  /** Of libvirt at the other end and of its hypervisor, as libvirt writes them: 9000000 is 9.0.0. */
  versions(): Promise<{ readonly libvirt: number; readonly hypervisor: number }>
  /** The element of its live metadata in a namespace, as XML; null where there is none. */
  metadata(uuid: string, namespace: string): Promise<string | null>
  /** Has QEMU measure for so many whole seconds how fast it changes its memory; does not wait for that. */
  measureDirtyRate(uuid: string, seconds: number): Promise<void>
  isPaused(uuid: string): Promise<boolean>
  suspend(uuid: string): Promise<void>
  resume(uuid: string): Promise<void>
  isAlive(): Promise<boolean>
  /** The same connection for whoever has until then: libvirt is asked for nothing after that, nor set to anything. */
  during(signal: AbortSignal): Connection
  /** Calls back whenever something happens to a domain. */
  listen(hear: () => void): Promise<void>
  close(): Promise<void>
}

export interface DomainStats extends DomainId {
  readonly stats: ReadonlyMap<string, ParamValue>
  /** null where they were not asked for, or libvirt refuses them, as those of one that ended meanwhile. */
  readonly pins: Pins | null
}

/** Bits of `virDomainStatsTypes`. */
const GROUPS = { state: 1, cpu: 2, balloon: 4, vcpu: 8, interface: 16, block: 32, dirtyrate: 512 } as const
export type StatsGroup = keyof typeof GROUPS

/**
 * Bits of `virConnectGetAllDomainStatsFlags`: those that run; and what a machine that is busy with another task (a
 * backup, a migration) cannot tell now is left out, where all others would have to wait for it.
 */
const ONLY_RUNNING = 1
const NOT_WAITING = 1 << 29
/** Bit of `virDomainModificationImpact`: the definition of a domain is never changed. */
const LIVE = 1

/** `VIR_DOMAIN_METADATA_ELEMENT`, and what libvirt answers where there is none. */
const METADATA_ELEMENT = 2
const NO_METADATA = 80

/** `VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK`, which libvirt starts with. */
const AGENT_NO_TIMEOUT = -2

/** `virDomainStatsRecord`: the domain, its parameters, how many. */
const RECORD = { bytes: 24, domainAt: 0, paramsAt: 8, countAt: 16 } as const
/** Parameters of a scheduler and of a disk: as many as libvirt lets anybody ask for over its socket. */
const SCHEDULER_PARAMS_MOST = 16
const DISK_PARAMS_MOST = 32

/** @throws {LibvirtError} with libvirt's own words where the URI cannot be connected to. */
export async function connect(library: Library, uri: string): Promise<Connection> {
  const channel = await library.open(uri)
  const hypervisor = await channel.call<string>('virConnectGetType', channel.handle).catch((error: unknown) => {
    void channel.close().catch(() => {})
    throw error
  })
  return over(library, channel, uri, hypervisor)
}

function over(library: Library, channel: Channel, uri: string, hypervisor: string): Connection {
  /** Works on one domain's handle, which is freed whatever happens. */
  async function withDomain<Result>(uuid: string, work: (domain: Handle) => Promise<Result>): Promise<Result> {
    const domain = await channel.call<Handle>('virDomainLookupByUUIDString', channel.handle, uuid)
    try {
      return await work(domain)
    } finally {
      await channel.call('virDomainFree', domain)
    }
  }

  const isAlive = async (): Promise<boolean> => (await channel.call<number>('virConnectIsAlive', channel.handle)) === 1

  /** That one domain has no answer is no failure of the others, but that nobody answers is. */
  async function pinsIfTold(domain: bigint, vcpus: number, cpus: number): Promise<Pins | null> {
    try {
      return await pinsOfDomain(channel, domain, vcpus, cpus)
    } catch (error) {
      if (error instanceof LibvirtError && (await isAlive())) return null
      throw error
    }
  }

  return {
    uri,
    hypervisor,
    domains: () => listDomains(library, channel),
    async stats(groups, cpus) {
      const mask = groups.reduce((sum, group) => sum | GROUPS[group], 0)
      const out: [unknown] = [null]
      const flags = ONLY_RUNNING | NOT_WAITING
      const count = await channel.call<number>('virConnectGetAllDomainStats', channel.handle, mask, out, flags)
      const list = library.addressOf(out[0])
      try {
        const records = library.bytesAt(list, 8 * count)
        const seen: DomainStats[] = []
        for (let i = 0; i < count; i++) {
          const { domain, ...told } = readRecord(library, channel, records.readBigUInt64LE(8 * i))
          const vcpus = told.stats.get('vcpu.current')
          const isAsked = cpus !== undefined && typeof vcpus === 'number'
          seen.push({ ...told, pins: isAsked ? await pinsIfTold(domain, vcpus, cpus) : null })
        }
        return seen
      } finally {
        await channel.call('virDomainStatsRecordListFree', out[0])
      }
    },
    scheduler: (uuid) =>
      withDomain(uuid, async (domain) => {
        const params = Buffer.alloc(PARAM_BYTES * SCHEDULER_PARAMS_MOST)
        const count: [number] = [SCHEDULER_PARAMS_MOST]
        await channel.call('virDomainGetSchedulerParametersFlags', domain, params, count, LIVE)
        return unpackParams(params, count[0], (pointer) => library.textAt(pointer))
      }),
    setScheduler: (uuid, params) =>
      withDomain(uuid, (domain) =>
        channel.call('virDomainSetSchedulerParametersFlags', domain, packParams(params), params.length, LIVE),
      ),
    pins: (uuid, vcpus, cpus) => withDomain(uuid, (domain) => pinsOfDomain(channel, domain, vcpus, cpus)),
    pinVcpu: (uuid, vcpu, map) =>
      withDomain(uuid, (domain) => channel.call('virDomainPinVcpuFlags', domain, vcpu, map, map.length, LIVE)),
    pinEmulator: (uuid, map) =>
      withDomain(uuid, (domain) => channel.call('virDomainPinEmulator', domain, map, map.length, LIVE)),
    memory: (uuid) => withDomain(uuid, async (domain) => (await infoOf(channel, domain)).memory),
    setMemory: (uuid, bytes) =>
      withDomain(uuid, (domain) => channel.call('virDomainSetMemoryFlags', domain, Math.round(bytes / 1024), LIVE)),
    diskTune: (uuid, disk) =>
      withDomain(uuid, async (domain) => {
        const params = Buffer.alloc(PARAM_BYTES * DISK_PARAMS_MOST)
        const count: [number] = [DISK_PARAMS_MOST]
        await channel.call('virDomainGetBlockIoTune', domain, disk, params, count, LIVE)
        try {
          return unpackParams(params, count[0], (pointer) => library.textAt(pointer))
        } finally {
          await channel.call('virTypedParamsClear', params, count[0])
        }
      }),
    setDiskTune: (uuid, disk, params) =>
      withDomain(uuid, (domain) => {
        const packed = packParams(params, library.addressOf)
        return channel.call('virDomainSetBlockIoTune', domain, disk, packed, params.length, LIVE)
      }),
    vcpus: (uuid) => withDomain(uuid, (domain) => channel.call<number>('virDomainGetVcpusFlags', domain, LIVE)),
    setVcpus: (uuid, count) =>
      withDomain(uuid, (domain) => channel.call('virDomainSetVcpusFlags', domain, count, LIVE)),
    guestVcpus: (uuid) =>
      withDomain(uuid, async (domain) => {
        const [out, count]: [[unknown], [number]] = [[null], [0]]
        await channel.call('virDomainGetGuestVcpus', domain, out, count, 0)
        try {
          const params = library.bytesAt(library.addressOf(out[0]), PARAM_BYTES * count[0])
          return unpackParams(params, count[0], (pointer) => library.textAt(pointer))
        } finally {
          await channel.call('virTypedParamsFree', out[0], count[0])
        }
      }),
    setGuestVcpus: (uuid, list, use) =>
      withDomain(uuid, (domain) => channel.call('virDomainSetGuestVcpus', domain, list, use ? 1 : 0, 0)),
    setAgentTimeout: (uuid, seconds) =>
      withDomain(uuid, (domain) =>
        channel.call('virDomainAgentSetResponseTimeout', domain, seconds ?? AGENT_NO_TIMEOUT, 0),
      ),
    description: (uuid) =>
      withDomain(uuid, async (domain) => {
        const text = await channel.call<unknown>('virDomainGetXMLDesc', domain, 0)
        return takeText(library, text)
      }),
    async versions() {
      const [libvirt, hypervisor]: [[number], [number]] = [[0], [0]]
      await channel.call('virConnectGetLibVersion', channel.handle, libvirt)
      await channel.call('virConnectGetVersion', channel.handle, hypervisor)
      return { libvirt: libvirt[0], hypervisor: hypervisor[0] }
    },
    metadata: (uuid, namespace) =>
      withDomain(uuid, async (domain) => {
        try {
          const text = await channel.call<unknown>('virDomainGetMetadata', domain, METADATA_ELEMENT, namespace, LIVE)
          return takeText(library, text)
        } catch (error) {
          if ((error as LibvirtError).code === NO_METADATA) return null
          throw error
        }
      }),
    measureDirtyRate: (uuid, seconds) =>
      withDomain(uuid, (domain) => channel.call('virDomainStartDirtyRateCalc', domain, seconds, 0)),
    isPaused: (uuid) =>
      withDomain(uuid, async (domain) => {
        const [state, reason]: [[number], [number]] = [[0], [0]]
        await channel.call('virDomainGetState', domain, state, reason, 0)
        return state[0] === PAUSED
      }),
    suspend: (uuid) => withDomain(uuid, (domain) => channel.call('virDomainSuspend', domain)),
    resume: (uuid) => withDomain(uuid, (domain) => channel.call('virDomainResume', domain)),
    during: (signal) => over(library, channel.during(signal), uri, hypervisor),
    isAlive,
    listen: (hear) => channel.listen(hear),
    close: () => channel.close(),
  }
}

async function pinsOfDomain(channel: Channel, domain: Handle | bigint, vcpus: number, cpus: number): Promise<Pins> {
  const bytes = Math.ceil(cpus / 8)
  const maps = Buffer.alloc(bytes * vcpus)
  const count = await channel.call<number>('virDomainGetVcpuPinInfo', domain, vcpus, maps, bytes, LIVE)
  const emulator = Buffer.alloc(bytes)
  await channel.call('virDomainGetEmulatorPinInfo', domain, emulator, bytes, LIVE)
  return { vcpus: Array.from({ length: count }, (_, i) => maps.subarray(i * bytes, (i + 1) * bytes)), emulator }
}

function readRecord(
  library: Library,
  channel: Channel,
  record: bigint,
): Omit<DomainStats, 'pins'> & { domain: bigint } {
  const bytes = library.bytesAt(record, RECORD.bytes)
  const domain = bytes.readBigUInt64LE(RECORD.domainAt)
  const count = bytes.readInt32LE(RECORD.countAt)
  const params =
    count === 0 ? Buffer.alloc(0) : library.bytesAt(bytes.readBigUInt64LE(RECORD.paramsAt), PARAM_BYTES * count)
  return { ...idOf(channel, domain), domain, stats: unpackParams(params, count, (pointer) => library.textAt(pointer)) }
}

/** A text that libvirt made for whoever asked, who frees it. */
function takeText(library: Library, text: unknown): string {
  try {
    return library.textAt(library.addressOf(text))
  } finally {
    library.free(text)
  }
}

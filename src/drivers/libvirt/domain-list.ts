import { printable } from '#lib/printable.ts'
import type { Handle } from './call.ts'
import type { Channel, Library } from './library.ts'

/** A running domain, as every hypervisor can tell of it. */
export interface DomainInfo extends DomainId {
  readonly isPaused: boolean
  /** Of all its vCPUs since it was started. */
  readonly cpuMs: number
  readonly vcpus: number
  /** What it has now and what it could have, in bytes. */
  readonly memory: number
  readonly memoryMost: number
}

export interface DomainId {
  readonly uuid: string
  /** As it may be shown. */
  readonly name: string
  /** What libvirt gave it when it was started: another one of the same UUID has another. */
  readonly id: number
}

/** Of `virDomainState`. */
export const PAUSED = 3
/** Bit of `virConnectListAllDomainsFlags`. */
const ACTIVE = 1
const UUID_TEXT_BYTES = 37
/** `virDomainInfo`: state, most memory and memory in KiB, vCPUs, nanoseconds of CPU. */
const INFO = { bytes: 40, stateAt: 0, mostAt: 8, memoryAt: 16, vcpusAt: 24, cpuAt: 32 } as const

/** All that run, one call for each of them. */
export async function listDomains(library: Library, channel: Channel): Promise<readonly DomainInfo[]> {
  const out: [unknown] = [null]
  const count = await channel.call<number>('virConnectListAllDomains', channel.handle, out, ACTIVE)
  try {
    const handles = library.bytesAt(library.addressOf(out[0]), 8 * count)
    const infos: DomainInfo[] = []
    for (let i = 0; i < count; i++) {
      const domain = handles.readBigUInt64LE(8 * i)
      // One that ended meanwhile is not there.
      const info = await infoOf(channel, domain).catch(() => null)
      channel.now('virDomainFree', domain)
      if (info !== null) infos.push(info)
    }
    return infos
  } finally {
    library.free(out[0])
  }
}

/** Who a domain is, which libvirt's client knows by itself. */
export function idOf(channel: Channel, domain: Handle | bigint): DomainId {
  const text = Buffer.alloc(UUID_TEXT_BYTES)
  channel.now('virDomainGetUUIDString', domain, text)
  return {
    uuid: text.toString('latin1', 0, UUID_TEXT_BYTES - 1),
    name: printable(channel.now<string>('virDomainGetName', domain)),
    id: channel.now<number>('virDomainGetID', domain),
  }
}

/** What every hypervisor can tell of one. @throws {LibvirtError} where it ended. */
export async function infoOf(channel: Channel, domain: Handle | bigint): Promise<DomainInfo> {
  const info = Buffer.alloc(INFO.bytes)
  await channel.call('virDomainGetInfo', domain, info)
  return {
    ...idOf(channel, domain),
    isPaused: info[INFO.stateAt] === PAUSED,
    cpuMs: Number(info.readBigUInt64LE(INFO.cpuAt)) / 1e6,
    vcpus: info.readUInt16LE(INFO.vcpusAt),
    memory: Number(info.readBigUInt64LE(INFO.memoryAt)) * 1024,
    memoryMost: Number(info.readBigUInt64LE(INFO.mostAt)) * 1024,
  }
}

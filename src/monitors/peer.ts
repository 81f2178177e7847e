import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import koffi from 'koffi'
import type { DomainName, NodeId } from '#core/model/ids.ts'

/** Who is at the other end of a unix socket, as the kernel vouches for it. */
export interface Peer {
  readonly pid: number
  readonly uid: number
}

const SOL_SOCKET = 1
const SO_PEERCRED = 17

let getsockopt: ((...args: unknown[]) => number) | null = null

/**
 * The credentials that the kernel noted when the connection was made; null where they cannot be told. Node has no call
 * for it, and its descriptor of a socket is reached through `_handle`, which has been there since its first versions.
 */
export function peerOf(socket: Socket): Peer | null {
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd
  if (fd === undefined || fd < 0) return null
  getsockopt ??= koffi.load('libc.so.6').func('int getsockopt(int, int, int, _Out_ uint32_t *, _Inout_ uint32_t *)')
  const credentials = new Uint32Array(3)
  const size = new Uint32Array([credentials.byteLength])
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, size) !== 0) return null
  const [pid, uid] = credentials as unknown as [number, number]
  return pid === 0 ? null : { pid, uid }
}

/** Where a domain is, for finding the one that a process runs in. */
export interface DomainPlace {
  readonly name: DomainName
  readonly node: NodeId
}

/** Paths of a process in the trees that carry CPU: the only ones that name domains. Empty where it has ended. */
export function groupsOf(pid: number): readonly string[] {
  try {
    return parseGroups(readFileSync(`/proc/${pid}/cgroup`, 'latin1'))
  } catch {
    return []
  }
}

/** `4:cpu,cpuacct:/reeve/shop` of version 1 and `0::/reeve/shop` of version 2. */
export function parseGroups(text: string): readonly string[] {
  const paths: string[] = []
  for (const line of text.split('\n')) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (path !== undefined && (names === '' || names?.split(',').includes('cpu'))) paths.push(path)
  }
  return paths
}

/** The innermost domain that one of the paths lies in, or null. */
export function domainAround(paths: readonly string[], domains: readonly DomainPlace[]): DomainName | null {
  let best: DomainPlace | null = null
  for (const domain of domains) {
    const isAround = paths.some((path) => path === domain.node || path.startsWith(`${domain.node}/`))
    if (isAround && (best === null || domain.node.length > best.node.length)) best = domain
  }
  return best?.name ?? null
}

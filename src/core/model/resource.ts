import type { ResourceKey } from './ids.ts'

/**
 * A resource is a key with attributes, never a type of its own: one path through the pipeline serves CPU, memory,
 * I/O and whatever the policy declares.
 */
export interface Resource {
  readonly key: ResourceKey
  /** Unit of every amount of it: entitlements, use per second for rates, levels for stocks. */
  readonly unit: 'millicores' | 'bytes' | 'bytes/s' | 'operations/s' | 'packets/s' | 'count'
  /** Smallest amount that is allocated, in its unit. */
  readonly grain: number
  /** True where an entitlement can change at once, both ways (CPU, I/O); memory, disk space and devices are not. */
  readonly compressible: boolean
  /** `rate` is used per second (its counter accumulates unit x seconds); `stock` is held (its level is the use). */
  readonly kind: 'rate' | 'stock'
  /** Where its capacity comes from: the host as observed, or the policy's declaration in the resource's unit. */
  readonly capacity: 'observed' | number
}

export const CPU = 'cpu' as ResourceKey
export const MEMORY = 'memory' as ResourceKey

/** Millicores of one CPU, the most that a single thread can use. */
export const ONE_CPU = 1000

const MIB = 1024 * 1024

/** Attributes of the resources that every host has, by the part of the key before any `@` or `:`. */
const KNOWN: Readonly<Record<string, Omit<Resource, 'key'>>> = {
  // 10 millicores are 1/100 of a CPU, the smallest share that the weight range of cgroup v2 still tells apart.
  cpu: { unit: 'millicores', grain: 10, compressible: true, kind: 'rate', capacity: 'observed' },
  memory: { unit: 'bytes', grain: MIB, compressible: false, kind: 'stock', capacity: 'observed' },
  'io.read': { unit: 'bytes/s', grain: MIB, compressible: true, kind: 'rate', capacity: 'observed' },
  'io.write': { unit: 'bytes/s', grain: MIB, compressible: true, kind: 'rate', capacity: 'observed' },
  'net.tx': { unit: 'bytes/s', grain: MIB, compressible: true, kind: 'rate', capacity: 'observed' },
  'net.rx': { unit: 'bytes/s', grain: MIB, compressible: true, kind: 'rate', capacity: 'observed' },
  'disk-space': { unit: 'bytes', grain: MIB, compressible: false, kind: 'stock', capacity: 'observed' },
}

/** The part of a key before any node or device: `memory` of `memory@node0`, `io.read` of `io.read:8:0`. */
export function family(key: ResourceKey): ResourceKey {
  const at = key.search(/[@:]/)
  return at < 0 ? key : (key.slice(0, at) as ResourceKey)
}

/** The attributes of a known resource for a key such as `memory@node0` or `io.read:8:0`; undefined for an unknown one. */
export function knownResource(key: string): Resource | undefined {
  const attributes = KNOWN[family(key as ResourceKey)]
  return attributes && { key: key as ResourceKey, ...attributes }
}

/** A countable (licences, GPUs, `device:...`) that the policy declares with its capacity. */
export function countable(key: string, capacity: number, grain = 1): Resource {
  return { key: key as ResourceKey, unit: 'count', grain, compressible: false, kind: 'stock', capacity }
}

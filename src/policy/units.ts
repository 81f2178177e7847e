import { knownResource, type Resource } from '#core/model/resource.ts'
import { RESOURCE_KEY } from './scalar.ts'

/** Units of all resources that a policy may name, by key. */
export type Units = ReadonlyMap<string, Resource['unit']>

/** Resources that every host has. */
const FAMILIES = ['cpu', 'memory', 'io.read', 'io.write', 'net.tx', 'net.rx', 'disk-space'] as const

/** The families first, then devices and nodes of them that the policy's words name, then what it declares. */
export function unitsOf(declared: readonly string[], words: Iterable<string>): Units {
  const units = new Map<string, Resource['unit']>()
  for (const key of FAMILIES) units.set(key, knownResource(key)!.unit)
  for (const key of words) {
    const known = /[@:]/.test(key) && RESOURCE_KEY.test(key) ? knownResource(key) : undefined
    if (known !== undefined) units.set(key, known.unit)
  }
  for (const key of declared) if (!units.has(key)) units.set(key, 'count')
  return units
}

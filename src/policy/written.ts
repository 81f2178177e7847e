import { knownResource, type Resource } from '#core/model/resource.ts'
import type { PolicyDocument } from './document.ts'
import { type Finding, malformed, type Path, show } from './finding.ts'
import { isFree, name, nameOrGlob, RESOURCE_KEY } from './scalar.ts'
import {
  DOMAIN_SHAPE,
  domainSchema,
  goalSchema,
  hostSchema,
  metricSchema,
  resourceSchema,
  rootSchema,
  shareSchema,
  type Units,
  type WrittenDomain,
  type WrittenGoal,
  type WrittenHost,
  type WrittenMetric,
  type WrittenResource,
  type WrittenShare,
  type WrittenWindow,
  windowSchema,
} from './schema.ts'
import { isRecord, shape } from './shape.ts'

/** A policy as it is written, each entry of the right form by itself; nothing is compared or converted yet. */
export interface Written {
  readonly units: Units
  readonly host: WrittenHost
  readonly windows: Entries<WrittenWindow>
  readonly resources: Entries<WrittenResource>
  readonly metrics: Entries<WrittenMetric>
  readonly domains: Entries<WrittenDomain & { readonly shares: ReadonlyMap<string, WrittenShare> }>
  /** In the policy's order; null where one could not be read. */
  readonly goals: readonly (WrittenGoal | null)[]
}

/** By name, in the policy's order. null where an entry could not be read: its name is known all the same. */
export type Entries<Value> = ReadonlyMap<string, Value | null>

/** Resources that every host has. */
const FAMILIES = ['cpu', 'memory', 'io.read', 'io.write', 'net.tx', 'net.rx', 'disk-space'] as const

/** Units by key: those of the families, those that the policy declares, and devices and nodes that it names. */
export function unitsOf(declared: readonly string[], written: Iterable<string>): Units {
  const units = new Map<string, Resource['unit']>()
  for (const key of FAMILIES) units.set(key, knownResource(key)!.unit)
  for (const key of written) {
    const known = /[@:]/.test(key) && RESOURCE_KEY.test(key) ? knownResource(key) : undefined
    if (known !== undefined) units.set(key, known.unit)
  }
  for (const key of declared) if (!units.has(key) && isResourceName(key)) units.set(key, 'count')
  return units
}

function isResourceName(key: string): boolean {
  return RESOURCE_KEY.test(key) && key.length <= 64 && isFree(key) && !Object.hasOwn(DOMAIN_SHAPE, key)
}

export function readWritten(document: PolicyDocument): { written: Written; findings: readonly Finding[] } {
  const findings: Finding[] = []
  const read = <Value>(schema: Parameters<typeof shape>[0], raw: unknown, path: Path): Value | null => {
    const shaped = shape(schema, raw, path)
    findings.push(...shaped.findings)
    return shaped.written as Value | null
  }
  const entries = <Value>(
    section: string,
    check: (key: string) => boolean,
    one: (raw: unknown, path: Path, key: string) => Value | null,
  ): Entries<Value> => {
    const raw = isRecord(document.data) ? document.data[section] : undefined
    const found = new Map<string, Value | null>()
    if (!isRecord(raw)) return found
    for (const key of document.keys([section])) {
      const path = [section, key]
      if (check(key)) found.set(key, one(Object.hasOwn(raw, key) ? raw[key] : undefined, path, key))
      else findings.push({ ...malformed(path, ...wrongName(key, section)), at: 'key' })
    }
    return found
  }
  read(rootSchema, document.data, [])
  const isName = (key: string): boolean => name.safeParse(key).success
  const units = unitsOf(document.keys(['resources']), document.words)
  const data = isRecord(document.data) ? document.data : {}
  const written: Written = {
    units,
    host: read<WrittenHost>(hostSchema(units), data.host ?? {}, ['host']) ?? {},
    windows: entries('windows', isName, (raw, path) => read<WrittenWindow>(windowSchema, raw, path)),
    resources: entries(
      'resources',
      (key) => units.has(key) && isResourceName(key),
      (raw, path, key) => read<WrittenResource>(resourceSchema(units.get(key)!), raw, path),
    ),
    metrics: entries('metrics', isName, (raw, path) => read<WrittenMetric>(metricSchema, raw, path)),
    domains: entries(
      'domains',
      (key) => nameOrGlob.safeParse(key).success,
      (raw, path) => {
        // Nothing after the colon is a domain with nothing but defaults.
        const { own, shares } = splitShares(raw ?? {}, units)
        const domain = read<WrittenDomain>(domainSchema(units), own, path)
        const read1 = ([key, share]: [string, unknown]): [string, WrittenShare] => [
          key,
          read<WrittenShare>(shareSchema(units.get(key)!), share ?? {}, [...path, key]) ?? {},
        ]
        const its = new Map(shares.map(read1))
        return domain && { ...domain, shares: its }
      },
    ),
    goals: (Array.isArray(data.goals) ? data.goals : []).map((raw: unknown, index) =>
      read<WrittenGoal>(goalSchema(units), raw, ['goals', index]),
    ),
  }
  return { written, findings }
}

/** A domain's keys that are resources are its shares; all others are properties of the domain. */
function splitShares(raw: unknown, units: Units): { own: unknown; shares: [string, unknown][] } {
  if (!isRecord(raw)) return { own: raw, shares: [] }
  const pairs = Object.entries(raw)
  return {
    own: Object.fromEntries(pairs.filter(([key]) => !units.has(key))),
    shares: pairs.filter(([key]) => units.has(key)),
  }
}

function wrongName(key: string, section: string): [message: string, hint: string] {
  if (section !== 'resources') {
    const schema = section === 'domains' ? nameOrGlob : name
    return [`${show(key)} is not allowed as a name`, `expected ${schema.safeParse(key).error?.issues[0]?.message}`]
  }
  if (Object.hasOwn(DOMAIN_SHAPE, key)) return [`${show(key)} is a key of domains already`, 'choose another name']
  return [
    `${show(key)} is not allowed as the name of a resource`,
    'expected lower-case words such as gpu or device:nvme',
  ]
}

import type { z } from 'zod'
import type { PolicyDocument } from './document.ts'
import {
  DOMAIN_SHAPE,
  domainSchema,
  goalSchema,
  hostSchema,
  resourceSchema,
  rootSchema,
  shareSchema,
  type WrittenDomain,
  type WrittenGoal,
  type WrittenHost,
  type WrittenResource,
  type WrittenShare,
  type WrittenWindow,
  windowSchema,
} from './entry-schema.ts'
import { type Finding, malformed, type Path, show } from './finding.ts'
import { metricSchema, type WrittenMetric } from './metric-schema.ts'
import { isFree, name, nameOrGlob, RESOURCE_KEY } from './scalar.ts'
import { isRecord, type StandIns, shape } from './shape.ts'
import { type Units, unitsOf } from './units.ts'

/** A policy as it is written, each entry of the right form by itself; nothing is compared or converted yet. */
export interface Written {
  readonly units: Units
  readonly host: WrittenHost
  readonly windows: Entries<WrittenWindow>
  readonly resources: Entries<WrittenResource>
  readonly metrics: Entries<WrittenMetric>
  readonly domains: Entries<WrittenDomainWithShares>
  /** In the policy's order; null where one could not be read. */
  readonly goals: readonly (WrittenGoal | null)[]
}

export type WrittenDomainWithShares = WrittenDomain & { readonly shares: ReadonlyMap<string, WrittenShare> }

/** By name, in the policy's order. null where an entry could not be read: its name is known all the same. */
export type Entries<Value> = ReadonlyMap<string, Value | null>

function isResourceName(key: string): boolean {
  return RESOURCE_KEY.test(key) && key.length <= 64 && isFree(key) && !Object.hasOwn(DOMAIN_SHAPE, key)
}

/** Reads one entry; null where too little of it can be read. */
type Read = <Schema extends z.ZodType>(
  schema: Schema,
  raw: unknown,
  path: Path,
  standIns?: StandIns,
) => z.infer<Schema> | null

export function readWritten(document: PolicyDocument): { written: Written; findings: readonly Finding[] } {
  const findings: Finding[] = []
  const read: Read = (schema, raw, path, standIns) => {
    const shaped = shape(schema, raw, path, standIns)
    findings.push(...shaped.findings)
    return shaped.written
  }
  read(rootSchema, document.data, [])
  const data = isRecord(document.data) ? document.data : {}
  const units = unitsOf(document.keys(['resources']).filter(isResourceName), document.words)
  const section = <Value>(
    title: string,
    allowed: (key: string) => boolean,
    readOne: (raw: unknown, path: Path, key: string) => Value | null,
  ): Entries<Value> => {
    const raw = data[title]
    const found = new Map<string, Value | null>()
    if (!isRecord(raw)) return found
    for (const key of document.keys([title])) {
      const path = [title, key]
      if (allowed(key)) found.set(key, readOne(raw[key], path, key))
      else findings.push({ ...malformed(path, ...wrongName(key, title)), at: 'key' })
    }
    return found
  }
  const schemas = schemasFor(units)
  const goals = Array.isArray(data.goals) ? data.goals : []
  const written: Written = {
    units,
    host: read(schemas.host, data.host ?? {}, ['host'], HOST) ?? {},
    windows: section('windows', isName, (raw, path) => read(windowSchema, raw, path, WINDOW)),
    resources: section('resources', isResourceName, (raw, path, key) =>
      read(resourceSchema(units.get(key)!), raw ?? {}, path),
    ),
    metrics: section('metrics', isName, (raw, path) => read(metricSchema, raw, path, METRIC)),
    domains: section('domains', isNameOrGlob, (raw, path) => readDomain(raw ?? {}, path, schemas, read)),
    goals: goals.map((raw: unknown, index) => read(schemas.goal, raw, ['goals', index], GOAL)),
  }
  return { written, findings }
}

const HOST: StandIns = { statsd: 8125 }
const WINDOW: StandIns = { cron: '* * * * *', zone: 'UTC' }
const METRIC: StandIns = {
  ...{ path: '/', key: 'value', command: ['true'], user: 'nobody', url: 'http://localhost/', query: '1', sample: 'up' },
  ...{ bucket: 'up', type: 'gauge', window: '1m', minimumSamples: 1 },
}
const GOAL: StandIns = { priority: 1, target: '100%', atLeast: 1, amounts: {} }

function isName(key: string): boolean {
  return name.safeParse(key).success
}

function isNameOrGlob(key: string): boolean {
  return nameOrGlob.safeParse(key).success
}

/** What a schema accepts depends on the resources that there are. */
interface Schemas {
  readonly host: ReturnType<typeof hostSchema>
  readonly domain: ReturnType<typeof domainSchema>
  readonly goal: ReturnType<typeof goalSchema>
  readonly shares: ReadonlyMap<string, ReturnType<typeof shareSchema>>
}

/** Those of the last resources: making schemas costs more than using them, and most policies name the same resources. */
let lastMade: { readonly units: string; readonly schemas: Schemas } | null = null

function schemasFor(units: Units): Schemas {
  const key = [...units].join(' ')
  if (lastMade?.units !== key) {
    const shares = new Map([...units].map(([resource, unit]) => [resource, shareSchema(unit)]))
    const schemas = { host: hostSchema(units), domain: domainSchema(units), goal: goalSchema(units), shares }
    lastMade = { units: key, schemas }
  }
  return lastMade.schemas
}

/** A domain with nothing after the colon has nothing but defaults. */
function readDomain(raw: unknown, path: Path, schemas: Schemas, read: Read): WrittenDomainWithShares | null {
  const { own, shares } = splitShares(raw, schemas.shares)
  const domain = read(schemas.domain, own, path)
  const its = new Map<string, WrittenShare>()
  for (const [key, share] of shares) its.set(key, read(schemas.shares.get(key)!, share, [...path, key]) ?? {})
  return domain && { ...domain, shares: its }
}

/** A domain's keys that are resources are its shares; all others are properties of the domain. */
function splitShares(raw: unknown, units: ReadonlyMap<string, unknown>): { own: unknown; shares: [string, unknown][] } {
  if (!isRecord(raw)) return { own: raw, shares: [] }
  const pairs = Object.entries(raw)
  return {
    own: Object.fromEntries(pairs.filter(([key]) => !units.has(key))),
    shares: pairs.filter(([key]) => units.has(key)),
  }
}

function wrongName(key: string, section: string): [message: string, hint: string] {
  if (!isFree(key)) return [`the name ${show(key)} is reserved`, 'choose another']
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

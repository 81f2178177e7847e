import { basename } from 'node:path'
import type { z } from 'zod'
import { readDocument } from '#policy/document.ts'
import { type Finding, malformed, type Path, show } from '#policy/finding.ts'
import { type Fault, faultOf, inOrder, parsePolicy } from '#policy/parse.ts'
import { name } from '#policy/scalar.ts'
import { isRecord, type StandIns, shape } from '#policy/shape.ts'
import { buildDomain, buildFault, buildHost, type ReadFile } from './build.ts'
import { checkScenario } from './check.ts'
import {
  API_VERSION,
  changeSchema,
  domainSchema,
  faultSchema,
  hostSchema,
  loadSchema,
  rootSchema,
  type WrittenChange,
  type WrittenDomain,
  type WrittenFault,
  type WrittenHost,
  type WrittenLoad,
} from './form.ts'
import { checkHardware, isHardware } from './hardware.ts'
import type { ParsedScenario, ScenarioHost, ScenarioPolicy } from './scenario.ts'

export interface ParseOptions {
  /** Name of the file, for faults. */
  readonly file: string
  /** Reads what the scenario names by path: the policy, and traces. */
  readonly read: ReadFile
}

/** What is known of a scenario before it is put together; null where it could not be read. */
export interface Written {
  readonly host: WrittenHost | null
  readonly domains: ReadonlyMap<string, WrittenEntry>
  readonly faults: readonly (WrittenFault | null)[]
}

export interface WrittenEntry {
  readonly domain: WrittenDomain | null
  readonly load: WrittenLoad | null
  readonly changes: readonly (WrittenChange | null)[]
}

/** So that the rest of a domain without a load is read. */
const LOAD: StandIns = { load: {} }
const DURATION: StandIns = { duration: '1s' }
const KIND = { noun: 'scenario', instead: 'write the same again' }
const DRIVERS = ['cgroup', 'libvirt', 'simulator']

/**
 * Reads a scenario's text and the files that it names. All faults at once, those of the policy among them, in the order
 * of their lines; never throws, whatever the texts.
 */
export function parseScenario(text: string, { file, read }: ParseOptions): ParsedScenario {
  const reading = readDocument(text, KIND)
  if (!reading.ok) return { ok: false, faults: inOrder(reading.faults.map((its) => ({ file, path: '', ...its }))) }
  const { document } = reading
  if (!isRecord(document.data)) {
    const message = `${document.data == null ? 'the scenario is empty' : `${show(document.data)} is not a scenario`}`
    const fault = { file, path: '', line: 1, column: 1, message, hint: `begin with \`apiVersion: ${API_VERSION}\`` }
    return { ok: false, faults: [fault] }
  }
  if (/^reeve\/v\d+$/.test(String(document.data['apiVersion']))) {
    const message = 'this is a policy, not a scenario'
    const hint = `name it in one, with \`policy: ${basename(file)}\``
    return {
      ok: false,
      faults: [{ file, path: 'apiVersion', ...document.place(['apiVersion'], 'value'), message, hint }],
    }
  }
  const findings: Finding[] = []
  const written = readWritten(document.data, document.keys(['domains']), findings)
  const host = written.host === null ? null : buildHost(written.host)
  const ofPolicy = readPolicy(document.data['policy'], document.alone(['policy']), file, read, host, findings)
  const domains = [...written.domains].flatMap(
    ([its, entry]) => buildDomain(its, entry, read, host?.durationMs ?? null, findings) ?? [],
  )
  const faults = written.faults.flatMap((its) => (its === null ? [] : (buildFault(its) ?? [])))
  findings.push(...checkScenario(written, host, ofPolicy.policy?.policy ?? null))
  const place = (its: Finding): Fault => faultOf(its, document, file)
  const isWarning = ({ kind }: Finding): boolean => kind === 'warning'
  const all = [
    ...reading.findings.map((its) => ({ file, path: '', ...its })),
    ...findings.filter((its) => !isWarning(its)).map(place),
  ]
  const { policy } = ofPolicy
  if (all.length > 0 || ofPolicy.faults.length > 0 || host === null || policy === null) {
    // What a file of its own has to be told comes after what this one has.
    const inside = ofPolicy.faults.filter((fault) => fault.file === file)
    return {
      ok: false,
      faults: [...inOrder([...all, ...inside]), ...ofPolicy.faults.filter((its) => its.file !== file)],
    }
  }
  const random = written.faults.find((its) => its?.kind === 'random')
  const faultsPerMinute = random?.kind === 'random' ? random.perMinute : 0
  const warnings = inOrder([...findings.filter(isWarning).map(place), ...ofPolicy.warnings])
  return { ok: true, scenario: { file, host, policy, domains, faults, faultsPerMinute }, warnings }
}

function readWritten(data: Record<string, unknown>, names: readonly string[], findings: Finding[]): Written {
  const read = <Schema extends z.ZodType>(
    schema: Schema,
    raw: unknown,
    path: Path,
    standIns: StandIns = {},
  ): z.infer<Schema> | null => {
    const shaped = shape(schema, raw, path, standIns)
    findings.push(...shaped.findings)
    return shaped.written
  }
  read(rootSchema, data, [])
  const domains = new Map<string, WrittenEntry>()
  const raw = isRecord(data['domains']) ? data['domains'] : {}
  for (const key of names) {
    const path = ['domains', key]
    const named = name.safeParse(key)
    if (!named.success) {
      const hint = `expected ${named.error.issues[0]?.message}`
      findings.push({ ...malformed(path, `${show(key)} is not allowed as a name`, hint), at: 'key' })
    }
    const its = raw[key] ?? {}
    const domain = read(domainSchema, its, path, LOAD)
    const rawLoad = isRecord(its) ? (its['load'] ?? null) : null
    const load = rawLoad === null ? null : read(loadSchema, rawLoad, [...path, 'load'])
    const changes = (domain?.changes ?? []).map((its, at) => read(changeSchema, its, [...path, 'changes', at]))
    domains.set(key, { domain, load, changes })
  }
  const faults = Array.isArray(data['faults']) ? data['faults'] : []
  return {
    host: data['host'] === undefined || data['host'] === null ? null : soundHost(data['host'], findings),
    domains,
    faults: faults.map((its: unknown, at) => read(faultSchema, its, ['faults', at])),
  }
}

/** null also where it could be read in part: nothing is compared with a host that is not what was meant. */
function soundHost(raw: unknown, findings: Finding[]): WrittenHost | null {
  const { written, findings: found } = shape(hostSchema, raw, ['host'], DURATION)
  const contradictions = written === null || isHardware(found) ? [] : [...checkHardware(written)]
  findings.push(...found, ...contradictions)
  return found.length === 0 && contradictions.length === 0 ? written : null
}

interface ReadPolicy {
  readonly policy: ScenarioPolicy | null
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
}

/** The policy in a file of its own, or as it stands in the scenario; then its faults have the scenario's lines. */
function readPolicy(
  raw: unknown,
  inline: string,
  scenario: string,
  read: ReadFile,
  host: ScenarioHost | null,
  findings: Finding[],
): ReadPolicy {
  const none: ReadPolicy = { policy: null, faults: [], warnings: [] }
  if (raw === undefined || raw === null) return none
  let file = scenario
  let text = inline
  if (typeof raw === 'string' && !raw.includes('\n')) {
    const found = read(raw)
    if (!found.ok) {
      findings.push(malformed(['policy'], `cannot read the policy ${show(raw)}: ${found.message}`))
      return none
    }
    file = found.path
    text = found.text
  } else if (!isRecord(raw)) {
    findings.push(malformed(['policy'], `${show(raw)} is not the path of a policy, nor a policy`))
    return none
  }
  const capacity = host === null ? {} : { cpu: host.cpus * 1000, memory: host.memory }
  const parsed = parsePolicy(text, { file, capacity, knownDrivers: DRIVERS })
  if (!parsed.ok) return { policy: null, faults: parsed.faults, warnings: [] }
  return { policy: { file, text, policy: parsed.policy }, faults: [], warnings: parsed.warnings }
}

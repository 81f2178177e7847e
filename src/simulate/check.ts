import type { MetricPolicy, Policy } from '#core/model/policy.ts'
import { CPU } from '#core/model/resource.ts'
import { entriesOf } from '#drivers/simulator/driver.ts'
import { type Finding, infeasible, malformed, type Path, show, suggest, unknown, warning } from '#policy/finding.ts'
import { amount, convert, cpuList, milliseconds, showAmount } from '#policy/values.ts'
import type { WrittenChange, WrittenFault, WrittenLoad } from './form.ts'
import type { Written, WrittenEntry } from './parse.ts'
import { played } from './played.ts'
import type { ScenarioHost } from './scenario.ts'

/** What is wrong with entries beside each other, beside the host and beside the policy; null for what could not be read. */
export function* checkScenario(written: Written, host: ScenarioHost | null, policy: Policy | null): Iterable<Finding> {
  if (host !== null && host.durationMs % 1000 !== 0) {
    const message = `${show(written.host?.duration)} is not a whole number of seconds`
    yield malformed(['host', 'duration'], message, 'windows of a second are what is counted')
  }
  if (host?.memory === 0) yield infeasible(['host', 'memory'], 'a host without memory runs nothing')
  if (host !== null && host.unmanagedMilli > host.cpus * 1000) {
    const message = `${showAmount(host.unmanagedMilli, 'millicores')} are more than the host has`
    yield infeasible(['host', 'unmanaged'], message)
  }
  for (const [name, entry] of written.domains) {
    const path = ['domains', name]
    yield* ofDomain(entry, path, host)
    for (const [at, change] of entry.changes.entries()) {
      if (change !== null) yield* ofChange(change, entry.load, [...path, 'changes', at], host)
    }
    if (policy !== null) yield* ofMetrics(entry, [...path, 'metrics'], policy)
  }
  for (const [at, fault] of written.faults.entries()) {
    if (fault === null) continue
    yield* ofFault(fault, ['faults', at], written, host)
    if ('metric' in fault && policy !== null) yield* ofReadings(fault.metric, ['faults', at, 'metric'], written, policy)
  }
  const random = written.faults.flatMap((fault, at) => (fault?.kind === 'random' ? [at] : []))
  for (const at of random.slice(1)) yield malformed(['faults', at], 'faults by chance stand above already')
  if (policy !== null) yield* besidePolicy(written, policy)
}

function* ofDomain({ domain, load }: WrittenEntry, path: Path, host: ScenarioHost | null): Iterable<Finding> {
  yield* ofMemory(domain?.memory, path, host)
  if (domain?.cpus !== undefined) yield* ofCpus(domain.cpus, [...path, 'cpus'], host)
  if (load?.kind !== 'batch') return
  for (const metric of Object.keys(domain?.metrics ?? {})) {
    yield infeasible(
      [...path, 'metrics', metric],
      'a batch job answers no requests, so nothing of them can be measured',
    )
  }
}

function* ofCpus(written: string | number, path: Path, host: ScenarioHost | null): Iterable<Finding> {
  const cpus = cpuList(written)
  if (cpus === null) yield malformed(path, `${show(written)} has a range that runs backwards`)
  else if (host !== null && cpus.some((cpu) => cpu >= host.cpus)) {
    yield infeasible(path, `the host has CPUs 0 to ${host.cpus - 1} only`)
  }
}

function* ofMemory(memory: string | number | undefined, path: Path, host: ScenarioHost | null): Iterable<Finding> {
  if (memory === undefined || host === null) return
  const bytes = amount(memory, 'bytes')
  if (bytes <= host.memory) return
  const has = showAmount(host.memory, 'bytes')
  yield infeasible([...path, 'memory'], `${showAmount(bytes, 'bytes')} are more than the host has, ${has}`)
}

function* ofChange(
  change: WrittenChange,
  load: WrittenLoad | null,
  path: Path,
  host: ScenarioHost | null,
): Iterable<Finding> {
  const ms = (text: string | undefined): number => (text === undefined ? 0 : milliseconds(text))
  const beyond = (key: string, text: string): Finding[] =>
    host === null || ms(text) < host.durationMs
      ? []
      : [warning([...path, key], `nothing comes of it: the scenario ends before ${text}`)]
  switch (change.kind) {
    case 'step':
      yield* beyond('at', change.at)
      if ([change.level, change.cpu, change.think, change.memory].every((its) => its === undefined)) {
        yield malformed(path, 'the step changes nothing', 'add `level`, `cpu`, `think` or `memory`')
      }
      yield* ofMemory(change.memory, path, host)
      if (load === null) break
      if (change.cpu !== undefined && load.kind === 'batch') {
        yield infeasible([...path, 'cpu'], 'a batch job has no requests that cost anything')
      }
      if (change.think !== undefined && load.kind !== 'closed') {
        yield infeasible([...path, 'think'], `only clients of a closed load think, and this one is ${load.kind}`)
      }
      break
    case 'ramp':
      yield* beyond('from', change.from)
      if (ms(change.to) <= ms(change.from)) {
        yield infeasible([...path, 'to'], `the ramp ends at ${change.to}, not after it begins at ${change.from}`)
      }
      break
    case 'bursts':
      yield* beyond('every', change.every)
      if (ms(change.lasts) >= ms(change.every)) {
        yield infeasible([...path, 'lasts'], `a burst lasts ${change.lasts}, and one begins every ${change.every}`)
      }
      break
    default:
  }
}

function* ofMetrics({ domain }: WrittenEntry, path: Path, { metrics }: Policy): Iterable<Finding> {
  for (const [name, what] of Object.entries(domain?.metrics ?? {})) {
    const metric = metrics.find((its) => its.name === name)
    if (metric === undefined) {
      const known = metrics.map((its) => its.name)
      yield { ...unknown('infeasible', [...path, name], 'metric of the policy', name, known), at: 'key' }
    } else if (what === 'p95' && factorOf(metric, what) === null) {
      const message = `the policy has ${show(name)} in ${show(metric.unit)}, which is no unit of time`
      yield infeasible([...path, name], message, 'a percentile of response times needs ms, s or the like')
    }
  }
}

/** What a simulated reading is multiplied by to be in the metric's unit: 0.001 for seconds; null where it cannot be. */
export function factorOf({ unit }: MetricPolicy, what: 'p95' | 'throughput'): number | null {
  return what === 'p95' ? convert(1, 'ms', unit) : 1
}

/** What of a simulated domain's requests a counter counts, in packets of them; null where it counts nothing here. */
export function countedOf({ source }: MetricPolicy): 'offered' | 'throughput' | null {
  if (source.kind !== 'counter' || source.perCpuSecond) return null
  if (source.counter === 'net.rxPackets') return 'offered'
  return source.counter === 'net.txPackets' ? 'throughput' : null
}

function* ofFault(fault: WrittenFault, path: Path, { domains }: Written, host: ScenarioHost | null): Iterable<Finding> {
  if ('domain' in fault && !domains.has(fault.domain)) {
    yield unknown('infeasible', [...path, 'domain'], 'domain', fault.domain, domains.keys())
  }
  if (fault.kind === 'cpus') {
    yield* ofCpus(fault.online, [...path, 'online'], host)
  }
  const end = fault.kind === 'vanish' ? (['back', fault.back] as const) : (['until', untilOf(fault)] as const)
  if (end[1] !== undefined && 'at' in fault && milliseconds(end[1]) <= milliseconds(fault.at)) {
    yield infeasible([...path, end[0]], `it is over at ${end[1]}, not after it begins at ${fault.at}`)
  }
}

/** A fault of a metric needs one of which there are readings. */
function* ofReadings(name: string, path: Path, { domains }: Written, { metrics }: Policy): Iterable<Finding> {
  const metric = metrics.find((its) => its.name === name)
  if (metric === undefined) {
    const known = metrics.map((its) => its.name)
    yield unknown('infeasible', path, 'metric of the policy', name, known)
  } else if (metric.source.kind === 'counter') {
    const message = `${show(name)} is counted for the domain itself, so no reading of it stops or comes late`
    yield infeasible(path, message, 'name a metric that a domain reports')
  } else if (![...domains.values()].some(({ domain }) => name in (domain?.metrics ?? {}))) {
    yield warning(path, `nothing comes of it: no domain reports ${show(name)}`)
  }
}

function untilOf(fault: WrittenFault): string | undefined {
  return 'until' in fault ? fault.until : undefined
}

/** What the policy and the scenario leave open of each other can be simulated, and is probably not what was meant. */
function* besidePolicy({ domains }: Written, policy: Policy): Iterable<Finding> {
  const entries = entriesOf(played(policy), [...domains.keys()])
  const names = policy.domains.map((its) => its.name)
  for (const name of domains.keys()) {
    if (entries.has(name)) continue
    const near = suggest(name, names)
    const hint = near.startsWith('did you') ? near : undefined
    yield {
      ...warning(['domains', name], `the policy names no domain ${show(name)}: nobody manages it`, hint),
      at: 'key',
    }
  }
  const reported = new Set([...domains.values()].flatMap(({ domain }) => Object.keys(domain?.metrics ?? {})))
  const metrics = new Map(policy.metrics.map((metric) => [metric.name, metric]))
  for (const { id, aim } of policy.goals) {
    const metric = 'metric' in aim ? metrics.get(aim.metric) : undefined
    if (metric === undefined || reported.has(metric.name) || countedOf(metric) !== null) continue
    const isCounter = metric.source.kind === 'counter'
    const [what, hint] = isCounter
      ? ['nothing here counts', 'of counters only `net.rxPackets` and `net.txPackets` are simulated, per second']
      : ['no domain reports', `add \`metrics: { ${metric.name}: p95 }\` to one`]
    yield warning(['domains'], `${what} ${show(metric.name)}: the goal ${show(id)} is never known to hold`, hint)
  }
  for (const { id, aim } of policy.goals) {
    const isOther =
      (aim.kind === 'utilization' && aim.resource !== CPU) || (aim.kind === 'fixed' && !(CPU in aim.amounts))
    if (isOther) yield warning(['policy'], `the goal ${show(id)} is decided and never counted: only CPU would be`)
  }
  for (const { key } of policy.resources) {
    if (['cpu', 'memory', 'io.read'].includes(key)) continue
    yield warning(['policy'], `${show(key)} is not simulated: what the policy says of it is decided and has no effect`)
  }
}

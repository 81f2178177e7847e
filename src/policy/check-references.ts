import { globMatches, isGlob } from '#lib/glob.ts'
import { readable } from './build.ts'
import { type Finding, infeasible, type Path, show, unknown, warning } from './finding.ts'
import type { Written } from './written.ts'

/** Every name that one entry uses for another must be declared. Goals have a file of their own. */
export function* checkReferences(written: Written, knownDrivers: readonly string[] | undefined): Iterable<Finding> {
  yield* hostReferences(written)
  for (const [name, domain] of readable(written.domains)) {
    const path = ['domains', name]
    if (domain.driver !== undefined && knownDrivers !== undefined && !knownDrivers.includes(domain.driver)) {
      yield unknown('infeasible', [...path, 'driver'], 'driver', domain.driver, knownDrivers)
    }
    for (const [index, key] of (domain.controls ?? []).entries()) {
      if (!written.units.has(key)) yield unknownResource([...path, 'controls', index], key, written)
    }
    yield* neighbours(name, domain.near ?? [], domain.apart ?? [], written)
  }
  for (const [name, metric] of readable(written.metrics)) {
    if (metric.source !== 'push' || metric.domain === undefined) continue
    yield* domainKnown(['metrics', name, 'domain'], metric.domain, written)
  }
}

function* hostReferences({ host, ...written }: Written): Iterable<Finding> {
  for (const [index, window] of (host.quiet ?? []).entries()) {
    if (!written.windows.has(window)) {
      yield unknown('infeasible', ['host', 'quiet', index], 'window', window, written.windows.keys())
    }
  }
  for (const rule of ['surplus', 'remainder'] as const) {
    const disposal = host[rule]
    if (disposal === undefined || typeof disposal === 'string') continue
    for (const [index, name] of disposal.default.entries()) {
      yield* domainKnown(['host', rule, 'default', index], name, written)
    }
  }
}

function* neighbours(
  name: string,
  near: readonly string[],
  apart: readonly string[],
  written: Written,
): Iterable<Finding> {
  for (const [key, others] of [['near', near] as const, ['apart', apart] as const]) {
    for (const [index, other] of others.entries()) {
      const path = ['domains', name, key, index]
      yield* domainKnown(path, other, written)
      if (other === name) yield infeasible(path, `${show(name)} cannot be \`${key}\` itself`)
    }
  }
  for (const [index, other] of apart.entries()) {
    const path = ['domains', name, 'apart', index]
    if (near.includes(other) || written.domains.get(other)?.near?.includes(name)) {
      yield infeasible(path, `${show(name)} cannot be both near ${show(other)} and apart from it`)
    }
    const [mine, its] = [written.domains.get(name)?.pin, written.domains.get(other)?.pin]
    if (mine !== undefined && its !== undefined && String(mine) === String(its) && /^\d+$/.test(String(mine))) {
      yield infeasible(path, `${show(name)} cannot be apart from ${show(other)}: both are pinned to CPU ${mine}`)
    }
  }
}

/** A domain is known if it has an entry or a glob's entry matches it. */
export function* domainKnown(path: Path, name: string, written: Pick<Written, 'domains'>): Iterable<Finding> {
  if (isKnownDomain(name, written)) return
  yield unknown('infeasible', path, 'domain', name, written.domains.keys())
}

function isKnownDomain(name: string, { domains }: Pick<Written, 'domains'>): boolean {
  return domains.has(name) || [...domains.keys()].some((entry) => isGlob(entry) && globMatches(entry, name))
}

export function unknownResource(path: Path, key: string, written: Written): Finding {
  const finding = unknown('infeasible', path, 'resource', key, written.units.keys())
  return finding.hint?.startsWith('did you')
    ? finding
    : { ...finding, hint: `${finding.hint}; others go under \`resources\`` }
}

/** What is declared and used by nobody is probably a name that was changed in one place only. */
export function* checkUnused(written: Written): Iterable<Finding> {
  const goals = written.goals.filter((goal) => goal !== null)
  if (goals.length < written.goals.length) return
  const metrics = new Set(goals.map((goal) => ('metric' in goal ? goal.metric : undefined)))
  for (const name of written.metrics.keys()) {
    if (!metrics.has(name)) yield warning(['metrics', name], `no goal uses the metric ${show(name)}`)
  }
  const isSent = [...written.metrics.values()].some((metric) => metric === null || metric.source === 'statsd')
  if (written.host.statsd !== undefined && !isSent) {
    yield warning(['host', 'statsd'], 'no metric has `source: statsd`, so the port stays closed')
  }
  const windows = new Set([...(written.host.quiet ?? []), ...goals.map((goal) => goal.when)])
  for (const name of written.windows.keys()) {
    if (!windows.has(name)) yield warning(['windows', name], `nothing uses the window ${show(name)}`)
  }
}

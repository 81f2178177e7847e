import type { Knob } from '#core/model/observation.ts'
import type { Fault } from '#drivers/simulator/fault.ts'
import type { Load } from '#drivers/simulator/load.ts'
import { type Finding, malformed, type Path, warning } from '#policy/finding.ts'
import { amount, cpuList, fraction, milliseconds } from '#policy/values.ts'
import type { WrittenChange, WrittenFault, WrittenHost, WrittenLoad } from './form.ts'
import { hardwareOf } from './hardware.ts'
import type { WrittenEntry } from './parse.ts'
import type { LoadShape, ScenarioDomain, ScenarioHost } from './scenario.ts'
import { endMs, readTrace } from './trace.ts'

/** Reads a file by a path that is relative to the scenario. `isCut`: it is packed, and ends in the middle. */
export type ReadFile = (
  path: string,
) =>
  | { readonly ok: true; readonly path: string; readonly text: string; readonly isCut: boolean }
  | { readonly ok: false; readonly message: string }

const DEFAULT_MEMORY = 4 * 1024 ** 3
const DEFAULT_SEED = 1
/** A Monday, at a time when people begin to work. */
const DEFAULT_START = '2026-01-05T08:00:00Z'

/** Values converted, defaults filled in. */
export function buildHost(written: WrittenHost): ScenarioHost {
  const hardware = hardwareOf(written)
  return {
    cpus: hardware === null ? (written.cpus ?? 0) : hardware.sockets * hardware.cores * hardware.threads,
    hardware,
    memory: written.memory === undefined ? DEFAULT_MEMORY : amount(written.memory, 'bytes'),
    seed: written.seed ?? DEFAULT_SEED,
    durationMs: milliseconds(written.duration),
    startUtcMs: Date.parse(written.start ?? DEFAULT_START),
    unmanagedMilli: written.unmanaged === undefined ? 0 : amount(written.unmanaged, 'millicores'),
    noise: written.noise === undefined ? 0 : fraction(written.noise),
  }
}

/**
 * A domain of which enough could be read, else null; traces are read here, and what is wrong with them is told, also
 * where one ends before the host does (`durationMs`; null where that is not known).
 */
export function buildDomain(
  name: string,
  { domain, load, changes }: WrittenEntry,
  read: ReadFile,
  durationMs: number | null,
  findings: Finding[],
): ScenarioDomain | null {
  const shapes = changes.flatMap((its, at) => {
    if (its === null) return []
    return its.kind === 'trace'
      ? (buildTrace(its, ['domains', name, 'changes', at], read, durationMs, findings) ?? [])
      : buildShape(its)
  })
  if (domain === null || load === null) return null
  return {
    name,
    load: buildLoad(load),
    memory: domain.memory === undefined ? null : amount(domain.memory, 'bytes'),
    weight: domain.weight ?? null,
    cpus: domain.cpus === undefined ? null : cpuList(domain.cpus),
    metrics: domain.metrics ?? {},
    changes: shapes,
  }
}

function buildLoad(written: WrittenLoad): Load {
  if (written.kind === 'batch') return { kind: 'batch', threads: written.threads }
  const service = {
    demandMs: milliseconds(written.cpu),
    spread: written.spread ?? ('exponential' as const),
    parallelism: written.threads,
    ...(written.packets !== undefined && { packets: written.packets }),
    ...(written.disk !== undefined && { diskBytes: amount(written.disk, 'bytes') }),
  }
  if (written.kind === 'closed') {
    return { kind: 'closed', clients: written.clients, thinkMs: milliseconds(written.think), ...service }
  }
  const { perSecond, underwayMost } = written
  const load = { kind: 'open', arrivalsPerSecond: perSecond, ...service } as const
  return underwayMost === undefined ? load : { ...load, underwayMost }
}

type WrittenTrace = Extract<WrittenChange, { readonly kind: 'trace' }>

function buildShape(written: Exclude<WrittenChange, WrittenTrace>): LoadShape {
  const inMs = (text: string | undefined): number | null => (text === undefined ? null : milliseconds(text))
  switch (written.kind) {
    case 'step': {
      const { at, level = null, cpu, think } = written
      const memory = written.memory === undefined ? null : amount(written.memory, 'bytes')
      return { kind: 'step', atMs: milliseconds(at), level, demandMs: inMs(cpu), thinkMs: inMs(think), memory }
    }
    case 'ramp': {
      const { from, to, level } = written
      return { kind: 'ramp', fromMs: milliseconds(from), toMs: milliseconds(to), level }
    }
    case 'sine': {
      const { period, amplitude, peak = '0s' } = written
      const peakMs = milliseconds(peak)
      return { kind: 'sine', periodMs: milliseconds(period), amplitude: fraction(amplitude), peakMs }
    }
    case 'daily':
      return { kind: 'daily', peakMs: milliseconds(written.peak), least: fraction(written.least) }
    case 'bursts': {
      const { every, lasts, factor, random = false } = written
      const times = { everyMs: milliseconds(every), lastsMs: milliseconds(lasts) }
      return { kind: 'bursts', ...times, factor, isRandom: random }
    }
  }
}

function buildTrace(
  written: WrittenTrace,
  path: Path,
  read: ReadFile,
  durationMs: number | null,
  findings: Finding[],
): LoadShape | null {
  const { file, time, unit = '1s', column, where = {}, scale = 1 } = written
  const found = read(file)
  if (!found.ok) {
    findings.push(malformed([...path, 'file'], `cannot read the trace \`${file}\`: ${found.message}`))
    return null
  }
  const its = readTrace(found.text, {
    time,
    unitMs: milliseconds(unit),
    column,
    scale,
    where: Object.fromEntries(Object.entries(where).map(([key, value]) => [key, String(value)])),
    isCut: found.isCut,
  })
  if (!its.ok) {
    findings.push(malformed([...path, its.at], `the trace \`${file}\` cannot be used: ${its.message}`))
    return null
  }
  const inMinutes = (ms: number): number => Number((ms / 60_000).toFixed(1))
  if (its.cutAt !== null) {
    const minutes = inMinutes(its.trace.atMs.at(-1) as number)
    const message = `the trace \`${file}\` is cut off in line ${its.cutAt}, which no line feed ends: from minute ${minutes} on its last whole line stands`
    findings.push(warning([...path, 'file'], message))
  } else if (durationMs !== null && endMs(its.trace) < durationMs) {
    const minutes = inMinutes(endMs(its.trace))
    const message = `the trace \`${file}\` ends after ${minutes} of ${inMinutes(durationMs)} minutes: from then on its last line stands`
    findings.push(warning([...path, 'file'], message))
  }
  return { kind: 'trace', trace: its.trace }
}

/** null for faults by chance, which are drawn when the seed is known. */
export function buildFault(written: WrittenFault): Fault | null {
  const until = (text: string | undefined) => (text === undefined ? {} : { untilMs: milliseconds(text) })
  switch (written.kind) {
    case 'vanish': {
      const { domain, at, back, afterLook } = written
      return {
        kind: 'vanish',
        domain,
        atMs: milliseconds(at),
        ...(back === undefined ? {} : { backAtMs: milliseconds(back) }),
        ...(afterLook === undefined ? {} : { afterLook }),
      }
    }
    case 'write-fails': {
      const { domain, code, at } = written
      const knob = written.knob as Knob
      return { kind: 'write-fails', domain, knob, code, atMs: milliseconds(at), ...until(written.until) }
    }
    case 'cpus':
      return { kind: 'cpus', online: cpuList(written.online) ?? [], atMs: milliseconds(written.at) }
    case 'metric-stops': {
      const { metric, at } = written
      return { kind: 'metric-stops', metric, atMs: milliseconds(at), ...until(written.until) }
    }
    case 'metric-late': {
      const { metric, by, at } = written
      return { kind: 'metric-late', metric, byMs: milliseconds(by), atMs: milliseconds(at), ...until(written.until) }
    }
    case 'random':
      return null
  }
}

import type { Setting } from '#core/model/observation.ts'
import { runTool, ToolFailed } from '#processes/programs.ts'
import type { KnobFamily } from './knobs.ts'
import { isOwn, type Layout } from './layout.ts'

/**
 * Groups that systemd owns are set through `systemctl set-property --runtime`: it writes the files of its units anew
 * whenever it reloads, and what it does not know of is lost. Nothing is stored across a reboot.
 */
export interface Systemd {
  readonly version: string
  /** Path of the unit's group; null where the unit does not run. */
  path(unit: string): Promise<string | null>
  /** False where systemd does not own the group or has no property for the knob: then the file is to be written. */
  set(path: string, family: KnobFamily, device: string, value: Setting, signal: AbortSignal): Promise<boolean>
}

const PATIENCE_MS = 5000
/** Scopes of machines and containers come and go: when so many were asked for, those that are left are asked for anew. */
const OWNED_MOST = 1000

/** Asks the `systemctl` found in PATH; null where none answers. */
export async function findSystemd(layout: Layout): Promise<Systemd | null> {
  const version = await show('-p', 'Version', '--value').catch(() => '')
  if (version === '') return null
  /** Which groups are units: a path that looks like one is asked for once. */
  const owned = new Map<string, boolean>()
  const path = async (unit: string): Promise<string | null> => {
    const found = await show('-p', 'ControlGroup', '--value', '--', unit)
    return found === '' ? null : found
  }
  return {
    version,
    path,
    async set(group, family, device, value, signal) {
      const unit = group.slice(group.lastIndexOf('/') + 1)
      const property = PROPERTIES[layout.version][family]
      if (property === undefined || isOwn(layout, group) || !/\.(service|scope|slice)$/.test(unit)) return false
      if (owned.size >= OWNED_MOST) owned.clear()
      if (!owned.has(group)) owned.set(group, (await path(unit).catch(() => null)) === group)
      if (owned.get(group) !== true) return false
      const [name, text] = property(value, device)
      await runTool(['systemctl', 'set-property', '--runtime', '--', unit, `${name}=${text}`], {
        signal,
        timeoutMs: PATIENCE_MS,
      }).catch((error: Error) => {
        const said = (error instanceof ToolFailed && error.stderr) || error.message
        throw Object.assign(new Error(`systemctl set-property refused ${name}=${text}: ${said}`, { cause: error }), {
          code: 'ESYSTEMD',
        })
      })
      return true
    },
  }
}

async function show(...args: string[]): Promise<string> {
  return (await runTool(['systemctl', 'show', ...args], { timeoutMs: PATIENCE_MS })).trim()
}

type Property = (value: Setting, device: string) => readonly [name: string, text: string]

const number =
  (name: string): Property =>
  (value) => [name, `${value}`]
const limit =
  (name: string): Property =>
  (value) => [name, `${value ?? 'infinity'}`]
const deviceLimit =
  (name: string): Property =>
  (value, device) => [name, `/dev/block/${device} ${value ?? 'infinity'}`]
/** Percent of one CPU: 250 millicores are 25 %; an empty text takes the limit away. */
const quota: Property = (value) => ['CPUQuota', value === null ? '' : `${Number(value) / 10}%`]

/** What systemd calls the knobs; it leaves CPU sets and freezing alone in version 1. */
const PROPERTIES: Readonly<Record<1 | 2, Readonly<Partial<Record<KnobFamily, Property>>>>> = {
  1: {
    'cpu.weight': number('CPUShares'),
    'cpu.quota': quota,
    'memory.limit': limit('MemoryLimit'),
    'io.read.limit': deviceLimit('BlockIOReadBandwidth'),
    'io.write.limit': deviceLimit('BlockIOWriteBandwidth'),
  },
  2: {
    'cpu.weight': number('CPUWeight'),
    'cpu.quota': quota,
    'cpu.set': (value) => ['AllowedCPUs', `${value ?? ''}`],
    'memory.limit': limit('MemoryMax'),
    'memory.soft': limit('MemoryHigh'),
    'io.weight': number('IOWeight'),
    'io.read.limit': deviceLimit('IOReadBandwidthMax'),
    'io.write.limit': deviceLimit('IOWriteBandwidthMax'),
  },
}

import type { Knob, Setting } from '#core/model/observation.ts'
import type { Controller, Layout } from './layout.ts'

/**
 * Which files hold a knob, and how a value reads and is written there. This table is all that differs between the
 * versions for settings; a knob that has no row here for a version does not exist there.
 */
export interface KnobFiles {
  readonly controller: Controller
  /** Read together, written separately. */
  readonly files: readonly string[]
  /** The value that the files' texts stand for; `device` is `8:0` for limits of one device, else empty. */
  readonly decode: (texts: readonly string[], device: string) => Setting
  /** What to write where, in order; `textsNow` reads what the files hold. */
  readonly encode: (value: Setting, textsNow: () => readonly string[], device: string) => readonly Write[]
  /** What holds in version 2 while the controller is not handed down to this group, so that the file is absent. */
  readonly whenAbsent?: Setting
}

export interface Write {
  readonly file: string
  readonly text: string
}

/** Microseconds. 100 ms is the kernel's default; 10 millicores of it are 1 ms, the least quota that it accepts. */
const PERIOD_US = 100_000
const LEAST_QUOTA_US = 1000
/** Version 1 shows "no limit" as the largest whole number of pages below 2^63. */
const NO_LIMIT_V1 = 2 ** 62

export const WEIGHT_RANGE = { 1: { least: 2, most: 262_144 }, 2: { least: 1, most: 10_000 } } as const
/** Weight of a group that nobody set, and of one task directly in a parent. */
export const DEFAULT_WEIGHT = { 1: 1024, 2: 100 } as const

/** A whole number in a file of its own. */
function plain(controller: Controller, file: string): KnobFiles {
  return {
    controller,
    files: [file],
    decode: ([text]) => Number.parseInt(text as string, 10),
    encode: (value) => [{ file, text: `${Math.round(Number(value))}` }],
  }
}

/** Bytes, where null is "no limit". */
function bytes(file: string, unlimited: string): KnobFiles {
  return {
    controller: 'memory',
    files: [file],
    decode([text]) {
      const value = Number.parseInt(text as string, 10)
      return Number.isNaN(value) || value >= NO_LIMIT_V1 ? null : value
    },
    encode: (value) => [{ file, text: value === null ? unlimited : `${Math.round(Number(value))}` }],
    whenAbsent: null,
  }
}

/** `default 100` or `100`, both forms of the kernel. */
function ioWeight(file: string): KnobFiles {
  return {
    ...plain('io', file),
    decode: ([text]) => Number.parseInt((text as string).replace('default', ''), 10),
  }
}

/** Quota in microseconds of each period for so many millicores: 200 in 100,000 us is 20,000 us. */
function quotaUs(millicores: number, periodUs: number): number {
  return Math.max(LEAST_QUOTA_US, Math.round((millicores * periodUs) / 1000))
}

/** The period found is kept where it can express the amount, so that a release restores exactly what was there. */
function periodFor(value: number, foundUs: number): number {
  return (value * foundUs) / 1000 >= LEAST_QUOTA_US ? foundUs : PERIOD_US
}

const quotaV1: KnobFiles = {
  controller: 'cpu',
  files: ['cpu.cfs_quota_us', 'cpu.cfs_period_us'],
  decode([quota, period]) {
    return Number(quota) < 0 ? null : (Number(quota) * 1000) / Number(period)
  },
  encode(value, textsNow) {
    if (value === null) return [{ file: 'cpu.cfs_quota_us', text: '-1' }]
    const found = Number(textsNow()[1])
    const periodUs = periodFor(Number(value), found)
    const quota = { file: 'cpu.cfs_quota_us', text: `${quotaUs(Number(value), periodUs)}` }
    return periodUs === found ? [quota] : [{ file: 'cpu.cfs_period_us', text: `${periodUs}` }, quota]
  },
}

const quotaV2: KnobFiles = {
  controller: 'cpu',
  files: ['cpu.max'],
  decode([text]) {
    const [quota, period] = (text as string).split(' ')
    return quota === 'max' ? null : (Number(quota) * 1000) / Number(period)
  },
  encode(value, textsNow) {
    if (value === null) return [{ file: 'cpu.max', text: 'max' }]
    const periodUs = periodFor(Number(value), Number((textsNow()[0] ?? '').split(' ')[1] ?? PERIOD_US))
    return [{ file: 'cpu.max', text: `${quotaUs(Number(value), periodUs)} ${periodUs}` }]
  },
  whenAbsent: null,
}

/** Empty text stands for "whatever the parent has", which version 1 cannot express: `apply` fills it in there. */
const cpuSet: KnobFiles = {
  controller: 'cpuset',
  files: ['cpuset.cpus'],
  decode: ([text]) => (text as string).trim(),
  encode: (value) => [{ file: 'cpuset.cpus', text: `${value ?? ''}\n` }],
  whenAbsent: '',
}

const freezeV1: KnobFiles = {
  controller: 'freezer',
  files: ['freezer.state'],
  // FREEZING is a group of which some tasks still have to stop.
  decode: ([text]) => ((text as string).startsWith('THAWED') ? 0 : 1),
  encode: (value) => [{ file: 'freezer.state', text: value === 1 ? 'FROZEN' : 'THAWED' }],
}

function deviceLimitV1(file: string): KnobFiles {
  return {
    controller: 'io',
    files: [file],
    decode([text], device) {
      const found = new RegExp(`^${device} (\\d+)$`, 'm').exec(text as string)
      return found === null ? null : Number(found[1])
    },
    encode: (value, _, device) => [{ file, text: `${device} ${value ?? 0}` }],
  }
}

/** `8:0 rbps=1048576 wbps=max riops=max wiops=max`; a device without limits has no line. */
function deviceLimitV2(key: 'rbps' | 'wbps'): KnobFiles {
  return {
    controller: 'io',
    files: ['io.max'],
    decode([text], device) {
      const found = new RegExp(`^${device} .*${key}=(\\d+)`, 'm').exec(text as string)
      return found === null ? null : Number(found[1])
    },
    encode: (value, _, device) => [{ file: 'io.max', text: `${device} ${key}=${value ?? 'max'}` }],
    whenAbsent: null,
  }
}

/** A knob of control groups, without the device that some carry behind it. */
export type KnobFamily = Exclude<
  Knob,
  `io.${string}:${string}` | `net.${string}` | 'sched' | 'memory.balloon' | 'cpu.count'
>
type KnobTable = Readonly<Record<KnobFamily, KnobFiles>>

const TABLES: Readonly<Record<1 | 2, KnobTable>> = {
  1: {
    'cpu.weight': plain('cpu', 'cpu.shares'),
    'cpu.quota': quotaV1,
    'cpu.set': cpuSet,
    'memory.limit': bytes('memory.limit_in_bytes', '-1'),
    'memory.soft': bytes('memory.soft_limit_in_bytes', '-1'),
    'io.weight': ioWeight('blkio.bfq.weight'),
    'io.read.limit': deviceLimitV1('blkio.throttle.read_bps_device'),
    'io.write.limit': deviceLimitV1('blkio.throttle.write_bps_device'),
    freeze: freezeV1,
  },
  2: {
    'cpu.weight': { ...plain('cpu', 'cpu.weight'), whenAbsent: DEFAULT_WEIGHT[2] },
    'cpu.quota': quotaV2,
    'cpu.set': cpuSet,
    'memory.limit': bytes('memory.max', 'max'),
    'memory.soft': bytes('memory.high', 'max'),
    'io.weight': ioWeight('io.weight'),
    'io.read.limit': deviceLimitV2('rbps'),
    'io.write.limit': deviceLimitV2('wbps'),
    freeze: plain('freezer', 'cgroup.freeze'),
  },
}

export const KNOB_FAMILIES = Object.keys(TABLES[1]) as readonly KnobFamily[]

export function knobFiles(layout: Layout, family: KnobFamily): KnobFiles {
  return TABLES[layout.version][family]
}

/** `io.read.limit` and `8:0` of `io.read.limit:8:0`. */
export function splitKnob(knob: Exclude<Knob, 'sched'>): { readonly family: KnobFamily; readonly device: string } {
  const at = knob.indexOf(':')
  if (at < 0) return { family: knob as KnobFamily, device: '' }
  return { family: knob.slice(0, at) as KnobFamily, device: knob.slice(at + 1) }
}

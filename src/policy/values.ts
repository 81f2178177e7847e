import type { Resource } from '#core/model/resource.ts'

/**
 * Values as people write them, and what they are inside: millicores, bytes, milliseconds, fractions. Each pattern
 * stands in the schema too, so what arrives at the functions below has the right form already.
 */

const MS_PER = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES_PER = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const

export const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/
export const PERCENT = /^(\d+(?:\.\d+)?)%$/
export const MILLICORES = /^(\d+(?:\.\d+)?)m$/
export const BYTES = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB|TiB)$/
export const CPU_LIST = /^\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*$/
/** A target with the unit spelled out: `200ms`, `1.5 GiB`. */
export const QUANTITY = /^(\d+(?:\.\d+)?) ?([^\d\s.].{0,15})$/

/** `1.5s` are 1500 ms. */
export function milliseconds(text: string): number {
  const [, number, unit] = DURATION.exec(text)!
  return tidy(Number(number) * MS_PER[unit as keyof typeof MS_PER])
}

/** Whether a text from elsewhere than a policy is a duration. */
export const isDuration = (text: string): boolean => DURATION.test(text)

/** `75%` is 0.75. */
export function fraction(text: string): number {
  return tidy(Number(PERCENT.exec(text)![1]) / 100)
}

/** The percentile 95 is the quantile 0.95. */
export function quantile(percentile: number): number {
  return tidy(percentile / 100)
}

/** In the resource's unit: `0.5` and `500m` of a CPU are 500 millicores, `1GiB` of memory 1073741824 bytes. */
export function amount(written: number | string, unit: Resource['unit']): number {
  if (typeof written === 'number') return unit === 'millicores' ? tidy(written * 1000) : written
  if (unit === 'millicores') return Number(MILLICORES.exec(written)![1])
  const [, number, suffix] = BYTES.exec(written)!
  return Math.round(Number(number) * BYTES_PER[suffix as keyof typeof BYTES_PER])
}

/** The CPUs of `0-1,3`, ascending; null where a range runs backwards. */
export function cpuList(written: number | string): readonly number[] | null {
  const cpus = new Set<number>()
  for (const part of String(written).split(',')) {
    const [from = 0, to = from] = part.split('-').map(Number)
    if (to < from) return null
    for (let cpu = from; cpu <= to; cpu++) cpus.add(cpu)
  }
  return [...cpus].sort((a, b) => a - b)
}

/** Units that convert into each other, by family, as multiples of the family's first. */
const FAMILIES: readonly Readonly<Record<string, number>>[] = [
  { ns: 1e-6, us: 1e-3, ...MS_PER },
  { B: 1, ...BYTES_PER },
]

/** A number of `from` in the unit `to`, or null where the one does not convert: 0.2 s are 200 ms. */
export function convert(value: number, from: string, to: string): number | null {
  if (from === to) return value
  for (const family of FAMILIES) {
    if (!Object.hasOwn(family, from) || !Object.hasOwn(family, to)) continue
    return tidy((value * family[from]!) / family[to]!)
  }
  return null
}

/** Drops the noise of binary fractions: 1.005 x 1000 is 1005, not 1004.9999999999999. */
function tidy(value: number): number {
  return Number(value.toPrecision(12))
}

/** An amount as people read it: 1.5 cores, 512 MiB, 3. */
export function showAmount(value: number, unit: Resource['unit']): string {
  if (unit === 'millicores')
    return value < 1000 ? `${tidy(value)}m of a CPU` : value === 1000 ? '1 CPU' : `${tidy(value / 1000)} CPUs`
  if (unit !== 'bytes' && unit !== 'bytes/s') return `${tidy(value)}${unit === 'count' ? '' : ` ${unit}`}`
  const [name, size] = Object.entries(BYTES_PER).findLast(([, bytes]) => value >= bytes) ?? ['bytes', 1]
  return `${Number((value / size).toFixed(2))} ${name}${unit === 'bytes/s' ? '/s' : ''}`
}

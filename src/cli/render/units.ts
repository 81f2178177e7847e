import type { Setting } from '#core/model/observation.ts'

/** Numbers as people read them. Converted here and nowhere else. */

/** At most three digits that matter: 1.25, 12.5, 125, 0.05. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'without limit' : String(value)
  const magnitude = Math.abs(value)
  const digits = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2
  return String(Number(value.toFixed(digits)))
}

/** An amount in a resource's unit: `1250 millicores` is 1.25 cores, `536870912 bytes` is 512 MiB. */
export function amount(value: number, unit: string): string {
  switch (unit) {
    case 'millicores':
      return short(value / 1000) === '1' ? '1 core' : `${short(value / 1000)} cores`
    case 'bytes':
      return bytes(value)
    case 'bytes/s':
      return `${bytes(value)}/s`
    case 'count':
      return short(value)
    default:
      return `${short(value)} ${unit}`
  }
}

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

function bytes(value: number): string {
  let scaled = value
  let power = 0
  while (Math.abs(scaled) >= 1024 && power < BINARY.length - 1) {
    scaled /= 1024
    power++
  }
  return `${short(scaled)} ${BINARY[power]}`
}

/** `0.953` is 95.3 %. */
export function percent(fraction: number): string {
  return `${short(fraction * 100)} %`
}

/** A value in a metric's own unit. */
export function measure(value: number, unit: string): string {
  return unit === '' ? short(value) : `${short(value)} ${unit}`
}

/** The value of a knob: quotas and limits in people's units, weights as they are. */
export function setting(knob: string, value: Setting): string {
  if (value === null) return 'no limit'
  if (typeof value === 'string') return value === '' ? 'none' : value
  if (knob === 'cpu.quota') return amount(value, 'millicores')
  if (knob.startsWith('memory.')) return amount(value, 'bytes')
  if (knob.includes('.limit')) return amount(value, 'bytes/s')
  if (knob === 'freeze') return value === 0 ? 'running' : 'frozen'
  return String(value)
}

export function time(utcMs: number): string {
  return `${new Date(utcMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** The first letter in upper case. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** `1 change`, `2 changes`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

import { z } from 'zod'
import type { Resource } from '#core/model/resource.ts'
import { BYTES, CPU_LIST, DURATION, MILLICORES, milliseconds, PERCENT, QUANTITY } from './values.ts'

/**
 * Schemas of single values. The error text of each says what would be right, as a noun that follows "is not"; the
 * value itself, its place and a suggestion are added where faults are made.
 */

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.:@+-]*$/
const NAME_OR_GLOB = /^[A-Za-z0-9*?[][A-Za-z0-9_.:@+*?[\]!-]*$/
/** `cpu`, `io.read:8:0`, `memory@node0`, `device:sriov-vf`. */
export const RESOURCE_KEY = /^[a-z][a-z0-9]*([.-][a-z0-9]+)*([@:][A-Za-z0-9][A-Za-z0-9_.:-]*)?$/

/** Names that mean something where records are looked up by name: every object has `constructor`. */
const RESERVED: readonly string[] = ['unallocated', ...Object.getOwnPropertyNames(Object.prototype)]

const NAME_TEXT = 'a name of letters, digits and _.:@+- that begins with one of the former (at most 64)'

export const name = z.string(NAME_TEXT).max(64, NAME_TEXT).regex(NAME, NAME_TEXT).refine(isFree, NAME_TEXT)
export const nameOrGlob = z
  .string(`${NAME_TEXT} or a glob such as web-*`)
  .max(64, NAME_TEXT)
  .regex(NAME_OR_GLOB, `${NAME_TEXT} or a glob such as web-*`)
  .refine(isFree, NAME_TEXT)

export function isFree(text: string): boolean {
  return !RESERVED.includes(text)
}

export const text = (noun: string) => z.string(noun).min(1, noun).max(4096, noun)
export const absolutePath = (noun: string) =>
  z
    .string(noun)
    .max(4096, noun)
    .regex(/^\/(?!.*(^|\/)\.\.?(\/|$))[^\0]*$/, noun)
export const whole = (least: number, most: number, noun: string) => z.int(noun).min(least, noun).max(most, noun)
export const positive = (noun: string) => z.number(noun).gt(0, noun).max(1e15, noun)
export const yes = z.literal(true, 'true (leave the key out for the contrary)')
export const flag = z.boolean('true or false')
export const choice = <const Options extends readonly [string, ...string[]]>(options: Options) =>
  z.enum(options, `one of ${options.join(', ')}`)

/** Between `least` and `most`, both written as durations. */
export function duration(least: string, most: string) {
  const noun = `a duration from ${least} to ${most} such as 500ms, 1s or 5m`
  const [leastMs, mostMs] = [milliseconds(least), milliseconds(most)]
  return z
    .string(noun)
    .regex(DURATION, noun)
    .refine((written) => {
      if (!DURATION.test(written)) return true
      const ms = milliseconds(written)
      return leastMs <= ms && ms <= mostMs
    }, noun)
}

export function percent(leastExclusive: number, most: number) {
  const noun = `a percentage above ${leastExclusive}% and up to ${most}%, with the sign`
  return z
    .string(noun)
    .regex(PERCENT, noun)
    .refine((written) => {
      const number = Number.parseFloat(written)
      return number > leastExclusive && number <= most
    }, noun)
}

/** Of the capacity, from nothing to all of it. */
export const share = z
  .string('a percentage from 0% to 100%')
  .regex(PERCENT, 'a percentage from 0% to 100%')
  .refine((written) => Number.parseFloat(written) <= 100, 'a percentage from 0% to 100%')

const AMOUNTS: Readonly<Record<Resource['unit'], string>> = {
  millicores: 'an amount of CPU: a number of CPUs (0.5, 2) or thousandths (500m)',
  bytes: 'an amount in bytes: 512MiB, 2GiB or a plain number of bytes',
  'bytes/s': 'an amount per second: 10MiB or a plain number of bytes (per second goes without saying)',
  'operations/s': 'a number of operations per second',
  'packets/s': 'a number of packets per second',
  count: 'a number',
}

export function amountNoun(unit: Resource['unit']): string {
  return AMOUNTS[unit]
}

/** An amount of a resource that is counted in `unit`. */
export function amountIn(unit: Resource['unit']): z.ZodType<number | string> {
  const noun = AMOUNTS[unit]
  const number = z.number(noun).min(0, noun).max(1e15, noun)
  if (unit === 'millicores') return z.union([number, z.string(noun).max(20, noun).regex(MILLICORES, noun)], noun)
  if (unit === 'bytes' || unit === 'bytes/s') {
    return z.union([number.int(noun), z.string(noun).max(20, noun).regex(BYTES, noun)], noun)
  }
  return number
}

const CPUS = 'a list of CPUs such as 0-1,3'
export const cpus = z.union([z.int(CPUS).min(0, CPUS).max(9999, CPUS), z.string(CPUS).regex(CPU_LIST, CPUS)], CPUS)

const VCPUS = 'a number of vCPUs such as 4, or a range such as 2-4'
export const vcpus = z.union(
  [
    z.int(VCPUS).min(1, VCPUS).max(4096, VCPUS),
    z
      .string(VCPUS)
      .regex(/^[1-9]\d{0,3}-[1-9]\d{0,3}$/, VCPUS)
      .refine((written) => {
        const [least = 0, most = 0] = written.split('-').map(Number)
        return least <= most
      }, VCPUS),
  ],
  VCPUS,
)

const TARGET = "a number above 0 in the metric's unit, or one with a unit that converts to it (200ms)"
export const target = z.union([positive(TARGET), z.string(TARGET).regex(QUANTITY, TARGET)], TARGET)

const COMMAND = 'a list: program, then arguments'
export const command = z.array(text('a word of the command, in quotes if it is a number'), COMMAND).min(1, COMMAND)
export const environment = z.record(
  z.string(),
  z.string('a string; put it in quotes').max(32_768, 'a shorter string'),
  'a map of strings',
)

const URL_TEXT = 'an http or https URL, without a user and password in it'
export const httpUrl = z
  .string(URL_TEXT)
  .max(2048, URL_TEXT)
  .regex(/^https?:\/\/[^\s@/?#]+([/?#]\S*)?$/, URL_TEXT)
  .refine((written) => URL.canParse(written), URL_TEXT)

const URI = 'a libvirt URI such as qemu:///system'
export const libvirtUri = z
  .string(URI)
  .max(1024, URI)
  .regex(/^[a-z][a-z0-9+.-]*:\/\/\S*$/, URI)

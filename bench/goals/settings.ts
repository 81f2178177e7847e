import { readFileSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DEFAULT_WEIGHT, knobFiles, WEIGHT_RANGE } from '#drivers/cgroup/knobs.ts'
import { dirOf, type Layout } from '#drivers/cgroup/layout.ts'
import { CAPACITY, DOMAINS, type Domain } from './cast.ts'

/** The settings of the domains as plain files: how every contender but Reeve turns them, and how all are watched. */

/** Millicores of each domain. As weights they only compare; a capped domain is held to its part of the capacity. */
export type Amounts = Readonly<Record<Domain, number>>

export type PathOf = (domain: Domain) => string

type PlainKnob = 'cpu.weight' | 'cpu.quota' | 'cpu.set' | 'freeze' | 'memory.limit' | 'memory.soft' | 'io.read.limit'
const WATCHED: readonly PlainKnob[] = ['cpu.weight', 'cpu.quota', 'memory.limit', 'memory.soft']

/** `device` is `8:0` for limits of one device. */
export function setKnob(
  layout: Layout,
  path: string,
  knob: PlainKnob,
  value: number | string | null,
  device = '',
): void {
  const { controller, encode, files } = knobFiles(layout, knob)
  const dir = dirOf(layout, controller, path)
  if (dir === null) throw new Error(`this host has no ${controller} controller`)
  const textsNow = () => files.map((file) => readFileSync(join(dir, file), 'latin1'))
  for (const { file, text } of encode(value, textsNow, device)) {
    if (readFileSync(join(dir, file), 'latin1').trim() !== text) writeFileSync(join(dir, file), text)
  }
}

/** The same where taking it away may take the kernel long, as with memory in use. */
export async function setMemoryLimit(layout: Layout, path: string, bytes: number | null): Promise<void> {
  const { controller, encode } = knobFiles(layout, 'memory.limit')
  const dir = dirOf(layout, controller, path)
  if (dir === null) throw new Error(`this host has no ${controller} controller`)
  for (const { file, text } of encode(bytes, () => [], '')) await writeFile(join(dir, file), text)
}

const TRIES = 20

/**
 * The same by this thread alone, which goes before all others (`takePrecedence`): what reclaims for it must not wait for
 * the CPU that domains fight for.
 */
export function setMemoryLimitNow(layout: Layout, path: string, bytes: number | null): void {
  for (let tried = 1; ; tried++) {
    try {
      setKnob(layout, path, 'memory.limit', bytes)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || tried === TRIES) throw error
    }
  }
}

/** Weights of all, and a quota for those that are capped; the quotas of the others are taken away. */
export function setAmounts(layout: Layout, pathOf: PathOf, amounts: Amounts, capped: readonly Domain[]): void {
  const sum = DOMAINS.reduce((all, domain) => all + amounts[domain], 0)
  const { least, most } = WEIGHT_RANGE[layout.version]
  for (const domain of DOMAINS) {
    const weight = Math.round((amounts[domain] * DEFAULT_WEIGHT[layout.version]) / 1000)
    setKnob(layout, pathOf(domain), 'cpu.weight', Math.min(Math.max(weight, least), most))
    const part = (amounts[domain] / sum) * CAPACITY
    setKnob(layout, pathOf(domain), 'cpu.quota', capped.includes(domain) ? Math.max(Math.round(part), 10) : null)
  }
}

/** As the kernel makes groups. */
export function resetSettings(layout: Layout, pathOf: PathOf): void {
  for (const domain of DOMAINS) {
    setKnob(layout, pathOf(domain), 'cpu.weight', DEFAULT_WEIGHT[layout.version])
    setKnob(layout, pathOf(domain), 'cpu.quota', null)
    setKnob(layout, pathOf(domain), 'memory.limit', null)
    setKnob(layout, pathOf(domain), 'memory.soft', null)
  }
}

/** Bytes that the processes of a group and of those below it hold themselves, not those of files. */
export function heldByProcesses(layout: Layout, path: string): number {
  const text = readFileSync(`${dirOf(layout, 'memory', path)}/memory.stat`, 'latin1')
  const field = layout.version === 1 ? 'total_rss' : 'anon'
  return Number(new RegExp(`^${field} (\\d+)$`, 'm').exec(text)?.[1])
}

/** The texts of all settings of a domain, to be compared only. */
export function settingsOf(layout: Layout, path: string): string {
  return WATCHED.flatMap((knob) => {
    const { controller, files } = knobFiles(layout, knob)
    const dir = dirOf(layout, controller, path)
    return files.map((file) => (dir === null ? '' : textOf(join(dir, file))))
  }).join('|')
}

/** Empty where this version of control groups has no such file in this group. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1').trim()
  } catch {
    return ''
  }
}

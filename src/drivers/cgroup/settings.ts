import type { Knob, Setting, Settings } from '#core/model/observation.ts'
import type { DomainPolicy } from '#core/model/policy.ts'
import { KeptFile } from './kept-file.ts'
import { type KnobFamily, type KnobFiles, knobFiles } from './knobs.ts'
import { dirOf, type Layout } from './layout.ts'

/** Settings of one group as last read. Others may change them too, which shows when they are read again. */
export interface GroupSettings {
  /** The same object until something changed. */
  readonly now: Settings
  /** Reads all, or only the named knob after Reeve itself has changed it. */
  renew(only?: Knob): void
  close(): void
}

/** Knobs by the resource that they serve: what the policy says nothing about is not offered, and costs nothing. */
const ALWAYS = ['cpu.weight', 'cpu.quota', 'cpu.set', 'freeze'] as const
/** What the group of a machine carries; the rest of it lies elsewhere. */
const OF_MACHINES = ['cpu.weight', 'cpu.quota'] as const
const OF_MEMORY = ['memory.limit', 'memory.soft'] as const
const OF_IO = ['io.weight'] as const

/** The knobs of the resources that the policy controls or shares out for this domain. */
export function settingsOf(layout: Layout, path: string, policy: DomainPolicy, carries: 'cpu' | 'all'): GroupSettings {
  const isWhole = carries === 'all'
  const resources = isWhole ? [...policy.controls, ...Object.keys(policy.shares)] : []
  const readers: { readonly knob: Knob; readonly read: () => Setting | undefined; readonly files: KeptFile[] }[] = []
  const kept = new Map<string, KeptFile>()
  const add = (knob: Knob, family: KnobFamily, device: string): void => {
    const spec = knobFiles(layout, family)
    const dir = dirOf(layout, spec.controller, path)
    if (dir === null) return
    const files = spec.files.map((file) => {
      const known = kept.get(`${dir}/${file}`) ?? new KeptFile(`${dir}/${file}`)
      kept.set(known.path, known)
      return known
    })
    readers.push({ knob, files, read: () => readKnob(spec, files, device) })
  }
  const memory = resources.some((key) => key.startsWith('memory')) ? OF_MEMORY : []
  const io = resources.some((key) => key.startsWith('io.')) ? OF_IO : []
  for (const family of [...(isWhole ? ALWAYS : OF_MACHINES), ...memory, ...io]) add(family, family, '')
  for (const device of devicesIn(resources)) {
    add(`io.read.limit:${device}`, 'io.read.limit', device)
    add(`io.write.limit:${device}`, 'io.write.limit', device)
  }
  let now: Settings = {}
  return {
    get now() {
      return now
    },
    renew(only) {
      const found: Partial<Record<Knob, Setting>> = only === undefined ? {} : { ...now }
      for (const { knob, read } of readers) {
        if (only !== undefined && knob !== only) continue
        const value = read()
        if (value !== undefined) found[knob] = value
      }
      if (!sameSettings(found, now)) now = found
    },
    close() {
      for (const file of kept.values()) file.close()
    },
  }
}

/** Block devices: `8:0` of `io.read:8:0`. */
function devicesIn(resources: readonly string[]): string[] {
  return [...new Set(resources.flatMap((key) => /^io\.(?:read|write):(\d+:\d+)$/.exec(key)?.[1] ?? []))]
}

/** undefined where this kernel or group does not have the knob. */
function readKnob(spec: KnobFiles, files: readonly KeptFile[], device: string): Setting | undefined {
  const texts: string[] = []
  for (const file of files) {
    const text = file.text()
    if (text === null) return spec.whenAbsent
    texts.push(text)
  }
  return spec.decode(texts, device)
}

function sameSettings(a: Settings, b: Settings): boolean {
  const knobs = Object.keys(a) as Knob[]
  return knobs.length === Object.keys(b).length && knobs.every((knob) => a[knob] === b[knob])
}

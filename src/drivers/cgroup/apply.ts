import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Change, Outcome } from '#core/model/decision.ts'
import type { Setting } from '#core/model/observation.ts'
import { sameCpus } from './cpu-list.ts'
import { handDown } from './groups.ts'
import { identityOf } from './identity.ts'
import { isGone } from './kept-file.ts'
import { type KnobFamily, type KnobFiles, knobFiles, splitKnob, type Write } from './knobs.ts'
import { baseDir, dirOf, type Layout, parentPath } from './layout.ts'
import { setScheduling } from './scheduling.ts'
import type { Systemd } from './systemd.ts'

/** Carries out one change to one knob of one group, and reads back what the kernel made of it. */
export async function applyChange(
  layout: Layout,
  systemd: Systemd | null,
  change: Change,
  signal: AbortSignal,
): Promise<Outcome> {
  const { node, knob, to } = change
  const found = identityOf(layout, node)
  if (found === null || (change.identity !== null && change.identity !== found)) return vanished(change)
  try {
    signal.throwIfAborted()
    const inForce = knob === 'sched' ? setScheduling(layout, [node], to) : await write(layout, systemd, change, signal)
    return { status: 'applied', node, knob, to: inForce }
  } catch (error) {
    if (identityOf(layout, node) === null) return vanished(change)
    const code = signal.aborted ? 'ETIMEDOUT' : ((error as NodeJS.ErrnoException).code ?? 'EUNKNOWN')
    const why = signal.aborted ? 'the time for it was up' : (error as Error).message
    const message = `setting ${knob} of ${node} to ${shown(to)}: ${why}${remedyFor(code, change)}`
    return { status: 'failed', node, knob, code, message }
  }
}

function vanished({ node, knob }: Change): Outcome {
  return { status: 'vanished', node, knob }
}

function shown(value: Setting): string {
  return value === null ? 'no limit' : `${value}`
}

async function write(
  layout: Layout,
  systemd: Systemd | null,
  { node, knob, to }: Change,
  signal: AbortSignal,
): Promise<Setting> {
  const { family, device } = splitKnob(knob as Exclude<Change['knob'], 'sched'>)
  const spec = knobFiles(layout, family)
  const dir = dirOf(layout, spec.controller, node)
  if (dir === null) throw new Error(`this host has no ${spec.controller} controller`)
  let wanted = family === 'cpu.set' && layout.version === 1 && !to ? cpusAbove(layout, node) : to
  // systemd writes the files of its units anew whenever it likes: it has to know.
  if (systemd === null || !(await systemd.set(node, family, device, wanted, signal))) {
    if (layout.version === 2 && !existsSync(`${dir}/${spec.files[0]}`)) handDown(layout, parentPath(node))
    try {
      const writes = spec.encode(wanted, () => textsIn(dir, spec), device)
      for (const one of writes) await writeTo(dir, one, family, signal)
    } catch (error) {
      if (family !== 'cpu.set' || wanted || (error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      // Older kernels of version 2 do not take a set away from a group in which something runs.
      wanted = cpusAbove(layout, node)
      for (const one of spec.encode(wanted, () => [], device)) await writeTo(dir, one, family, signal)
    }
  }
  const inForce = spec.decode(textsIn(dir, spec), device)
  if (!sameSetting(family, inForce, wanted)) {
    throw Object.assign(new Error(`it was accepted, but ${shown(inForce)} is in force`), { code: 'EREADBACK' })
  }
  return inForce
}

/** Where a group cannot say "whatever the parent has", the parent's own set stands for it. */
function cpusAbove(layout: Layout, path: string): string {
  const file = layout.version === 1 ? 'cpuset.cpus' : 'cpuset.cpus.effective'
  return readFileSync(`${dirOf(layout, 'cpuset', parentPath(path))}/${file}`, 'latin1').trim()
}

function textsIn(dir: string, spec: KnobFiles): string[] {
  return spec.files.map((file) => readFileSync(`${dir}/${file}`, 'latin1'))
}

async function writeTo(dir: string, { file, text }: Write, family: KnobFamily, signal: AbortSignal): Promise<void> {
  try {
    if (family.startsWith('memory')) await writeInTime(`${dir}/${file}`, text, signal)
    else writeFileSync(`${dir}/${file}`, text)
  } catch (error) {
    if (signal.aborted || isGone(error)) throw error
    const { code } = error as NodeJS.ErrnoException
    throw Object.assign(new Error(`writing "${text.trim()}" to ${dir}/${file} gave ${code}`, { cause: error }), {
      code,
    })
  }
}

/** Version 1 gives up lowering a limit once it finds nothing to reclaim, though a moment later there may be some. */
const RECLAIM_TRIES = 8
const RECLAIM_PAUSE_MS = 25

/** Lowering a memory limit reclaims first, which can take long. It is never waited for beyond the signal. */
async function writeInTime(path: string, text: string, signal: AbortSignal): Promise<void> {
  const written = writeReclaiming(path, text, signal)
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  aborted.catch(() => {})
  written.catch(() => {})
  await Promise.race([written, aborted])
}

async function writeReclaiming(path: string, text: string, signal: AbortSignal): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      return await writeFile(path, text)
    } catch (error) {
      const mayHelp = (error as NodeJS.ErrnoException).code === 'EBUSY' && tried < RECLAIM_TRIES && !signal.aborted
      if (!mayHelp) throw error
      await sleep(RECLAIM_PAUSE_MS)
    }
  }
}

/** Quotas are rounded to microseconds of a period, limits to pages, and CPU lists are normalized by the kernel. */
function sameSetting(family: KnobFamily, found: Setting, wanted: Setting): boolean {
  if (typeof found === 'number' && typeof wanted === 'number') {
    const rounding = family === 'cpu.quota' ? LEAST_QUOTA : family.startsWith('memory') ? PAGE : 0
    return Math.abs(found - wanted) <= Math.max(rounding, wanted * 0.01)
  }
  if (family === 'cpu.set') return sameCpus(`${found ?? ''}`, `${wanted ?? ''}`)
  return found === wanted
}

/** Millicores: less cannot be expressed, and becomes this. */
const LEAST_QUOTA = 10
/** Bytes; the largest page size in use. */
const PAGE = 65_536

/** What the operator can do about the codes that groups give; empty where the code says it all. */
function remedyFor(code: string, { node, knob }: Change): string {
  if (code === 'EACCES' && knob === 'cpu.set') {
    return `; version 1 wants the CPUs to be among those of ${parentPath(node) || 'the top'}: widen it first`
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return '; Reeve needs root and control groups mounted for writing'
  }
  if (code === 'EBUSY' && knob === 'memory.limit') return '; more than that is in use: choose a higher limit'
  if (code === 'EBUSY' && knob === 'cpu.set') return '; groups below still use other CPUs: narrow them first'
  if (code === 'ENOENT') return '; this kernel has no such file: see `reeve doctor`'
  if (code === 'EINVAL' && knob === 'cpu.quota') return '; a quota must not pass that of the group above'
  return ''
}

/** What is in force for a knob, and whose it is; null where the group is gone or has no such knob. */
export function readSetting(layout: Layout, node: string, knob: Exclude<Change['knob'], 'sched'>): Setting | undefined {
  const { family, device } = splitKnob(knob)
  const spec = knobFiles(layout, family)
  const dir = dirOf(layout, spec.controller, node)
  if (dir === null || !existsSync(baseDir(layout, node))) return undefined
  try {
    return spec.decode(textsIn(dir, spec), device)
  } catch (error) {
    if (!isGone(error)) throw error
    return spec.whenAbsent
  }
}

import { accessSync, constants, existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Status } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import { ask, NoDaemon } from '#cli/client.ts'
import { type Finding, fine, lacking } from '#cli/doctor/finding.ts'
import { libvirtFindings } from '#cli/doctor/libvirt.ts'
import { hostDrivers } from '#cli/drivers.ts'
import { EXIT } from '#cli/failure.ts'
import { leaveHangingCalls } from '#cli/leave.ts'
import { namedUris, urisOf } from '#cli/libvirt-uris.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { attention, bad, bold, dim, good } from '#cli/render/style.ts'
import { counted } from '#cli/render/units.ts'
import { journalPath, readJournal } from '#daemon/journal/reader.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Capability } from '#ports.ts'

export interface DoctorOptions extends CommonOptions {
  readonly libvirt: readonly string[]
}

/** The command `reeve doctor`; 1 where something is missing without which no policy can be carried out. */
export async function doctorCommand(options: DoctorOptions): Promise<number> {
  const named = namedUris(options.libvirt)
  const findings = [userFinding(), await daemonFinding(options), stateFinding(options), journalFinding(options)]
  const drivers = await driverFindings(options)
  const libvirt = await libvirtFindings(named.length > 0 ? named : recordedUris(options))
  const report = { findings: [...findings, ...drivers, ...libvirt] }
  print(report, ({ findings: all }) => render(all), options)
  const exitCode = report.findings.some(({ ok, needed }) => needed && !ok) ? EXIT.failure : EXIT.ok
  await leaveHangingCalls(exitCode)
  return exitCode
}

function userFinding(): Finding {
  const uid = process.geteuid?.() ?? 0
  if (uid === 0) return fine('user', 'root')
  const remedy = 'run as root, or in a control group that was delegated to this user, to set anything'
  return lacking('user', `uid ${uid}`, remedy)
}

async function daemonFinding({ socket }: CommonOptions): Promise<Finding> {
  try {
    const { pid, turn } = await ask<Status>(socket, PATHS.status)
    return fine('daemon', `runs as process ${pid}, last turn ${turn?.turn ?? 'none'}`)
  } catch (error) {
    if (error instanceof NoDaemon) return fine('daemon', `none answers at ${socket}`)
    return lacking('daemon', reasonOf(error), `see whether something else listens at ${socket}`)
  }
}

function stateFinding({ state }: CommonOptions): Finding {
  let place = state
  while (!existsSync(place)) place = dirname(place)
  try {
    accessSync(place, constants.W_OK)
    return fine('state directory', place === state ? `${state} can be written` : `${state} will be made in ${place}`)
  } catch {
    return lacking(
      'state directory',
      `${place} cannot be written`,
      'make it writable, or name another with --state',
      true,
    )
  }
}

function journalFinding({ state }: CommonOptions): Finding {
  try {
    const journal = readJournal(journalPath(state))
    if (journal === null) return fine('journal', `none in ${state} yet`)
    const detail = `turns ${journal.firstTurn()} to ${journal.lastTurn()}, ${counted(journal.remembered().length, 'setting')} to put back`
    journal.close()
    return fine('journal', detail)
  } catch (error) {
    return lacking('journal', reasonOf(error), 'move the file away, or name another directory with --state', true)
  }
}

/** Of the policy on record, which is that of the daemon where one runs. What is wrong with the journal is told above. */
function recordedUris({ state }: CommonOptions): readonly string[] {
  try {
    const journal = readJournal(journalPath(state))
    const uris = urisOf(journal?.lastPolicyText() ?? null)
    journal?.close()
    return uris
  } catch {
    return urisOf(null)
  }
}

async function driverFindings(options: CommonOptions): Promise<Finding[]> {
  try {
    const drivers = await hostDrivers(options)
    const findings = drivers.flatMap(({ kind, capabilities }) => capabilities.map((its) => capability(kind, its)))
    for (const driver of drivers) await driver.close()
    return findings
  } catch (error) {
    return [lacking('cgroup', reasonOf(error), 'mount control groups; a container needs them writable', true)]
  }
}

/** A driver that lacks something does without: the planner uses only what there is. */
function capability(kind: string, its: Capability): Finding {
  const name = `${kind}: ${its.name}`
  return its.available ? fine(name, its.detail) : lacking(name, its.reason, its.remedy)
}

function render(findings: readonly Finding[]): string {
  const lines = findings.map(({ name, ok, detail, remedy, needed }) => {
    const mark = ok ? good('ok     ') : needed ? bad('missing') : attention('without')
    return `${mark}  ${bold(name)}: ${detail}${remedy === null ? '' : `\n         ${dim(`to have it: ${remedy}`)}`}`
  })
  return lines.join('\n')
}

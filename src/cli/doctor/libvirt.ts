import { counted } from '#cli/render/units.ts'
import { findLayout } from '#drivers/cgroup/layout.ts'
import type { AgentAnswer } from '#drivers/libvirt/agent.ts'
import { versionText } from '#drivers/libvirt/description.ts'
import { LibvirtMissing, loadLibvirt } from '#drivers/libvirt/library.ts'
import { groupsOfContainers, groupsOfMachines } from '#drivers/libvirt/processes.ts'
import { visit } from '#drivers/libvirt/visit.ts'
import { type Finding, fine, lacking } from './finding.ts'
import { askAgents, type LookedAt, lookAt } from './machines.ts'

/** libvirt on this host: its library, each of these connections, and every machine that runs there. */
export async function libvirtFindings(uris: readonly string[]): Promise<Finding[]> {
  try {
    const { version } = await loadLibvirt()
    const library = fine('libvirt: library', `version ${versionText(version)}`)
    return [library, ...(await Promise.all(uris.map(connectionFindings))).flat()]
  } catch (error) {
    // It names the package.
    if (error instanceof LibvirtMissing) return [lacking('libvirt: library', error.message, null)]
    throw error
  }
}

/** A connection that has told who runs there may still need some time for each machine. */
const LOOK_MS = 20_000

async function connectionFindings(uri: string): Promise<Finding[]> {
  const name = `libvirt: ${uri}`
  const visited = await visit(uri, lookAt, LOOK_MS)
  if (!visited.answers) return [lacking(name, visited.reason, visited.remedy)]
  const { hypervisor, versions, machines } = visited.told
  const runs = `${counted(machines.length, 'domain')} ${machines.length === 1 ? 'runs' : 'run'}`
  const version = `libvirt ${versionText(versions.libvirt)}, ${hypervisor} ${versionText(versions.hypervisor)}`
  const agents = await askAgents(uri, machines)
  const groups = groupsOf(hypervisor, machines)
  return [
    fine(name, `${version}, ${runs}`),
    ...machines.flatMap((its) => machineFindings(uri, its, groups.get(its.uuid) ?? null, agents.get(its.uuid))),
  ]
}

function groupsOf(hypervisor: string, machines: readonly LookedAt[]): ReadonlyMap<string, string | null> {
  const layout = findLayout('reeve')
  if (layout === null) return new Map()
  if (hypervisor === 'LXC') return groupsOfContainers(layout, machines)
  return groupsOfMachines(layout, new Set(machines.map(({ uuid }) => uuid)))
}

/** One line for what a machine has, and one more for each thing that it lacks. */
function machineFindings(uri: string, its: LookedAt, group: string | null, agent: AgentAnswer | undefined): Finding[] {
  const name = `libvirt: machine "${its.name}"`
  const has = [RUN_BY[its.type] ?? `of type ${its.type}`]
  const lacks: Finding[] = []
  const lack = (what: string, detail: string, remedy: string | null) =>
    lacks.push(lacking(`${name}, ${what}`, detail, remedy))
  if (group !== null) has.push(`in ${group}`)
  else lack('control group', 'none of its own on this host, so it is only observed', null)
  if (its.type in RUN_BY) {
    if (agent === undefined)
      lack('guest agent', its.isPaused ? 'not asked, as it is paused' : 'not asked in time', AGAIN)
    else if (agent.status === 'answers') has.push('its agent answers')
    else if (agent.status === 'silent') lack('guest agent', `does not answer: ${agent.reason}`, START_AGENT)
    else lack('guest agent', 'none is configured', ADD_AGENT)
    if (its.statsSeconds === null) lack('balloon statistics', 'off', statsRemedy(uri, its))
    else if (its.reports) has.push(`balloon statistics every ${its.statsSeconds} s`)
    else lack('balloon statistics', 'on, but the guest tells nothing', 'load the driver virtio_balloon inside')
  }
  return [fine(name, has.join(', ')), ...lacks]
}

/** For a shell: a machine of an odd name, which would not survive it or be escaped, goes by its UUID. */
function statsRemedy(uri: string, { name, uuid }: LookedAt): string {
  const domain = /^[a-z_][\w.-]*$/i.test(name) ? name : uuid
  return `virsh -c '${uri.replaceAll("'", "'\\''")}' dommemstat ${domain} --live --period 10`
}

const RUN_BY: Readonly<Record<string, string>> = { kvm: 'runs by KVM', qemu: 'is emulated (TCG)' }
const AGAIN = 'ask again when it runs and others answer'
const START_AGENT = 'start qemu-guest-agent inside'
const ADD_AGENT = 'add the channel org.qemu.guest_agent.0 to its definition, and run qemu-guest-agent inside'

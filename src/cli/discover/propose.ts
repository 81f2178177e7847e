import { amount, counted, listed } from '#cli/render/units.ts'
import { parsePolicy } from '#policy/parse.ts'
import type { Discovery, Found, FoundGroup, FoundMachine } from './found.ts'

/** The busiest only: a policy that a person reads. Of machines all, which are fewer and what such a host is for. */
const GROUPS_MOST = 20
const MIB = 1024 * 1024
/** What a domain without a reservation starts from, in millicores: a lower limit wants a reservation as low. */
const MINIMUM = { cpu: 10, memory: 16 * MIB } as const
const NAMED_MOST = 10

/**
 * A policy for what was found, to be read and changed by a person: mode advise, so nothing is set; one goal for each
 * domain; what limits it today stays its limit, and what memory a machine has is promised to it. Where the `capacity`,
 * in millicores and bytes, cannot keep all those promises, memory is left alone.
 */
export function proposePolicy(discovery: Discovery, capacity: Readonly<Record<'cpu' | 'memory', number>>): string {
  const promising = policyText(discovery, true)
  return parsePolicy(promising, { file: 'proposal', capacity }).ok ? promising : policyText(discovery, false)
}

function policyText(discovery: Discovery, promisesMemory: boolean): string {
  const { found, named, seconds } = discovery
  const machines = found.filter((one) => 'uuid' in one)
  const groups = found.filter((one) => 'path' in one).slice(0, GROUPS_MOST)
  const chosen: readonly Found[] = [...machines, ...groups]
  const uris = named.length === 0 ? '' : `  libvirt: [${named.map((uri) => JSON.stringify(uri)).join(', ')}]\n`
  const head = `# Proposed by 'reeve discover' from what ran here for ${seconds} s, the busiest first. In mode advise nothing is set:
# see what would be done with 'reeve plan -c FILE', say what matters by the goals' priorities (1 is first), and say
# 'mode: manage' when you trust it.
${[...remarks(discovery), ...(promisesMemory || machines.length === 0 ? [] : [OVERCOMMITTED])].map((text) => `# ${text}\n`).join('')}apiVersion: reeve/v1
host:
  mode: advise
${uris}`
  if (chosen.length === 0)
    return `${head}# No machine, service, container or group with processes of its own was found.\n`
  const domains = [...machines.map((its) => machineText(its, promisesMemory)), ...groups.map(groupText)]
  return `${head}domains:\n${domains.join('')}goals:\n${chosen.map(goalText).join('')}`
}

const OVERCOMMITTED = 'The machines have more memory together than this host can promise: their memory is left alone.'

/** What is not in the policy, and why. A default connection that is silent is no news where no machine runs. */
function remarks({ named, silent, unwatched, unknown }: Discovery): string[] {
  const silence = named.length === 0 && unknown === 0 ? [] : silent
  const lines = silence.map(({ uri, reason }) => `The machines of ${uri} are not here: ${reason}`)
  if (unwatched.length > 0) {
    const names = unwatched.slice(0, NAMED_MOST).map(({ machine, uri }) => `"${machine}" of ${uri}`)
    const others = unwatched.length - names.length
    const all = listed(others > 0 ? [...names, `${others} more`] : names)
    lines.push(`Not here, as they are in no control group of this host: ${all}`)
  }
  if (unknown > 0) {
    const how = "'--libvirt URI' names the connection that knows of them"
    lines.push(`${counted(unknown, 'control group')} of other machines of libvirt found; ${how}.`)
  }
  return lines
}

function groupText({ name, path, kind, unit, cpu, memory, limits }: FoundGroup): string {
  return entry(name, `${kind}, used ${used(cpu, memory)}`, [
    unit === null ? `path: ${JSON.stringify(path)}` : `unit: ${JSON.stringify(unit)}`,
    ...shareText('cpu', { limit: limits.cpu }),
    ...shareText('memory', { limit: limits.memory }),
  ])
}

function machineText(its: FoundMachine, promisesMemory: boolean): string {
  const { name, machine, kind, uuid, cpu, memory, hardware, limits, weight } = its
  const called = machine === name ? '' : ` "${machine}"`
  const size =
    hardware === null ? '' : ` of ${counted(hardware.vcpus, 'vCPU')} and ${amount(hardware.balloon, 'bytes')}`
  return entry(name, `${kind}${called}${size}, used ${used(cpu, memory)}`, [
    'driver: libvirt',
    ...(machine === name ? [] : [`uuid: ${uuid}`]),
    ...shareText('cpu', { limit: limits.cpu, weight: Number(weight.toPrecision(3)) }),
    ...memoryText(its, promisesMemory),
  ])
}

/** Without its promise a machine would start from the minimum, and its balloon would take the rest of its memory. */
function memoryText({ hardware, limits }: FoundMachine, promises: boolean): string[] {
  if (hardware === null) return shareText('memory', { limit: limits.memory })
  return promises ? shareText('memory', { reservation: hardware.balloon, limit: limits.memory }) : []
}

function used(cpu: number, memory: number): string {
  return `${amount(cpu, 'millicores')} and ${amount(memory, 'bytes')}`
}

function entry(name: string, comment: string, lines: readonly string[]): string {
  return `  ${key(name)}: # ${comment}\n${lines.map((line) => `    ${line}\n`).join('')}`
}

interface ShareFound {
  readonly reservation?: number
  readonly limit: number | null
  readonly weight?: number
}

/** In the resource's unit; nothing where nothing is set. */
function shareText(resource: 'cpu' | 'memory', { reservation, limit, weight = 1 }: ShareFound): string[] {
  const say = (value: number): string =>
    resource === 'cpu' ? `${Math.max(1, Math.round(value))}m` : `${Math.max(1, Math.floor(value / MIB))}MiB`
  const least = reservation ?? (limit !== null && limit < MINIMUM[resource] ? limit : undefined)
  const parts = [
    ...(least === undefined ? [] : [`reservation: ${say(least)}`]),
    ...(limit === null ? [] : [`limit: ${say(limit)}`]),
    ...(weight === 1 ? [] : [`weight: ${weight}`]),
  ]
  return parts.length === 0 ? [] : [`${resource}: { ${parts.join(', ')} }`]
}

function goalText({ name }: Found): string {
  return `  - { domain: ${key(name)}, kind: utilization, resource: cpu, target: 70%, priority: 1 }\n`
}

/** As YAML takes it for text: some names would be numbers, or nothing at all. */
function key(name: string): string {
  return /^[A-Za-z][\w.-]*$/.test(name) && !/^(?:true|false|null)$/i.test(name) ? name : JSON.stringify(name)
}

import { printable } from '#lib/printable.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Connection } from './connection.ts'
import { LibvirtError } from './library.ts'
import type { ParamValue } from './params.ts'

/**
 * Asking a guest's agent through libvirt. It is a process inside the guest and never trusted: it is given little time,
 * what it says is bounded and of one shape, and its words are shown without what could move a terminal's cursor.
 *
 * The time is libvirt's to keep: left alone it waits for ever, with a thread of libvirtd. The timeout that libvirt has
 * for it is one for everybody who asks that guest, and cannot be read, so it is lifted again after each question. A
 * command of one's own (`virDomainQemuAgentCommand`) would bring its own timeout, but marks the machine as tainted.
 */

/** vCPUs by their numbers in the guest, ascending. */
export interface GuestVcpus {
  readonly online: readonly number[]
  readonly parked: readonly number[]
  /** Those that the guest says can be parked. */
  readonly offlinable: readonly number[]
}

export type AgentAnswer =
  | { readonly status: 'answers'; readonly vcpus: GuestVcpus }
  /** There is one, but it did not answer in time, or not sensibly. */
  | { readonly status: 'silent'; readonly reason: string }
  /** The machine has no channel for one, or its hypervisor has no such thing. */
  | { readonly status: 'none' }

/** Whole seconds; an agent that has nothing else to do answers in some ten milliseconds. */
export const AGENT_SECONDS = 2

/** Of `virErrorNumber`: not supported by the hypervisor; no agent is configured. */
const NO_AGENT = [3, 74]
/** Of what is no answer. */
const SHOWN_CHARS = 100
/** As many vCPUs as libvirt takes, each with up to four digits and a comma. */
const VCPUS_MOST = 4096
const LIST_CHARS = 5 * VCPUS_MOST

/**
 * Asks which vCPUs the guest uses: also the way to hear whether it has an agent that answers.
 * @throws {LibvirtError} where libvirt itself does not answer.
 */
export async function askAgent(connection: Connection, uuid: string, seconds = AGENT_SECONDS): Promise<AgentAnswer> {
  try {
    const said = await inSeconds(connection, uuid, seconds, () => connection.guestVcpus(uuid))
    return { status: 'answers', vcpus: guestVcpusOf(said) }
  } catch (error) {
    if (error instanceof LibvirtError && NO_AGENT.includes(error.code)) return { status: 'none' }
    if (!(await connection.isAlive().catch(() => false))) throw error
    return { status: 'silent', reason: reasonOf(error) }
  }
}

/** Asks the guest to use vCPUs that it has parked, or to park some that it uses. @throws where it refuses. */
export async function setGuestVcpus(
  connection: Connection,
  uuid: string,
  vcpus: readonly number[],
  use: boolean,
  seconds = AGENT_SECONDS,
): Promise<void> {
  await inSeconds(connection, uuid, seconds, () => connection.setGuestVcpus(uuid, vcpus.join(), use))
}

async function inSeconds<Result>(
  connection: Connection,
  uuid: string,
  seconds: number,
  ask: () => Promise<Result>,
): Promise<Result> {
  await connection.setAgentTimeout(uuid, seconds)
  try {
    return await ask()
  } finally {
    // Where that fails, too, the machine is gone or libvirt is, and the reason above tells more.
    await connection.setAgentTimeout(uuid, null).catch(() => {})
  }
}

/** @throws where what was said is no answer to the question. */
export function guestVcpusOf(said: ReadonlyMap<string, ParamValue>): GuestVcpus {
  const [all, online, offlinable] = ['vcpus', 'online', 'offlinable'].map((field) => listOf(field, said.get(field)))
  const parked = (all as number[]).filter((vcpu) => !(online as number[]).includes(vcpu))
  if (online?.length === 0) throw new Error('the agent says that the guest uses no vCPU at all')
  return { online: online as number[], parked, offlinable: offlinable as number[] }
}

/** The numbers of a list such as `0-2,5`, ascending and each once. */
function listOf(field: string, value: ParamValue | undefined): number[] {
  const text = value ?? ''
  if (typeof text !== 'string' || text.length > LIST_CHARS || !/^(\d{1,4}(-\d{1,4})?(,(?!$)|$))*$/.test(text)) {
    throw new Error(`the agent's list ${field} is no list of vCPUs: ${printable(`${text}`, SHOWN_CHARS)}`)
  }
  const numbers = new Set<number>()
  for (const part of text.split(',').filter(Boolean)) {
    const [first, last] = part.split('-').map(Number) as [number, number?]
    for (let vcpu = first; vcpu <= Math.min(last ?? first, VCPUS_MOST - 1); vcpu++) numbers.add(vcpu)
  }
  return [...numbers].sort((one, other) => one - other)
}

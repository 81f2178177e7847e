import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { BedHost } from './host.ts'

/** A network between two hosts of a test bed, which nobody else is on. */

export const ADDRESSES = ['10.77.0.1', '10.77.0.2'] as const

const execute = promisify(execFile)
const DEVICE = 'eth0'

/** Joins two hosts by a cable, each with its address of `ADDRESSES`. It ends with the first of them that ends. */
export async function joinHosts(hosts: readonly [BedHost, BedHost]): Promise<void> {
  const [one, other] = hosts
  const peer = ['peer', 'name', DEVICE, 'netns', `${other.pid}`]
  await runOn(one, 'ip', 'link', 'add', DEVICE, 'type', 'veth', ...peer)
  for (const [i, host] of hosts.entries()) {
    await runOn(host, 'ip', 'address', 'add', `${ADDRESSES[i]}/24`, 'dev', DEVICE)
    await runOn(host, 'ip', 'link', 'set', DEVICE, 'up')
  }
}

/** Runs a program of this machine with the host's network and returns what it printed. @throws where it failed. */
export async function runOn({ pid }: BedHost, ...command: readonly string[]): Promise<string> {
  const { stdout } = await execute('nsenter', [`--net=/proc/${pid}/ns/net`, ...command])
  return stdout.trim()
}

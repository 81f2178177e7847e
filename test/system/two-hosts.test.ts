import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type BedHost, bedAvailable, startHost } from '#bed/host.ts'
import { ADDRESSES, joinHosts, runOn } from '#bed/network.ts'
import { until } from './reeve.ts'

/** Two hosts of a test bed beside each other: they do not get in each other's way, and nothing of them stays. */

const bed = bedAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`
const FIXTURE = fileURLToPath(new URL('two-hosts.fixture.ts', import.meta.url))
const PORT = 7000

describe('two hosts of a test bed', { skip, timeout: 180_000 }, () => {
  const hosts: BedHost[] = []

  before(async () => {
    for (const name of ['first', 'second']) hosts.push(await startHost(name))
    await joinHosts(pair())
  })
  after(async () => {
    for (const host of hosts) await host.stop()
  })
  const pair = () => hosts as unknown as readonly [BedHost, BedHost]

  test('both run a guest of the same name, and neither sees the other’s', async () => {
    await Promise.all(hosts.map((host) => host.start({ name: 'twin' })))
    const uuids = await Promise.all(hosts.map((host) => host.virsh('domuuid', 'twin')))
    assert.equal(new Set(uuids).size, 2)
    for (const [i, host] of hosts.entries()) assert.equal(await host.virsh('list', '--uuid'), uuids[i])
    const hostUuids = await Promise.all(
      hosts.map(async (host) => /<uuid>(.*)<\/uuid>/.exec(await host.virsh('capabilities'))?.[1]),
    )
    assert.equal(new Set(hostUuids).size, 2, 'libvirt moves no machine to a host that it takes for itself')
  })

  test('each reaches the other, and this machine reaches neither', async () => {
    const [first, second] = pair()
    for (const [host, to] of [
      [first, ADDRESSES[1]],
      [second, ADDRESSES[0]],
    ] as const)
      assert.match(await runOn(host, 'busybox', 'ping', '-c', '1', '-W', '5', to), /1 packets received/)
    const heard = runOn(second, 'busybox', 'timeout', '20', 'busybox', 'nc', '-l', '-p', `${PORT}`)
    await until(async () => (await runOn(second, 'ss', '-Hltn')).includes(`:${PORT}`), 'somebody listens')
    await runOn(first, 'sh', '-c', `echo hello | busybox nc -w 5 ${ADDRESSES[1]} ${PORT}`)
    assert.equal(await heard, 'hello')
    const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
    assert.deepEqual(
      own.filter(({ address }) => address.startsWith('10.77.0.')),
      [],
    )
  })

  test('one ends, and the other goes on', async () => {
    const [first, second] = pair()
    const seen = traces(first)
    assert.deepEqual(left(seen).length > 0, true)
    await first.stop()
    assert.deepEqual(left(seen), [])
    assert.equal(await second.virsh('list', '--name'), 'twin')
    assert.doesNotMatch(await runOn(second, 'ip', '-o', 'link'), /eth0/)
  })

  test('nothing is left of them when whoever started them is killed', async () => {
    const starter = spawn(process.execPath, [...process.execArgv, FIXTURE], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(starter.stdout, 'data')) as [Buffer]
    const seen = (JSON.parse(`${line}`) as Place[]).map(traces)
    for (const one of seen) assert.ok(left(one).length > 0)
    starter.kill('SIGKILL')
    await until(() => seen.flatMap(left).length === 0, 'all is gone').catch((error: Error) => {
      throw new Error(`${error.message}; left are ${seen.flatMap(left).join(', ')}`)
    })
  })
})

type Place = Pick<BedHost, 'cgroup' | 'pid'>

/** What tells a host's own things from the rest of this machine. */
interface Traces {
  readonly cgroup: string
  readonly namespaces: readonly string[]
}

function traces({ cgroup, pid }: Place): Traces {
  const names = ['net', 'mnt', 'uts', 'cgroup', 'pid']
  return { cgroup, namespaces: names.map((name) => readlinkSync(`/proc/${pid}/ns/${name}`)) }
}

/** Everything that is still there of a host: processes (a namespace lives as long as one is in it), groups, files. */
function left({ cgroup, namespaces }: Traces): string[] {
  const processes = readdirSync('/proc')
    .filter((pid) => /^\d/.test(pid))
    .filter((pid) => {
      try {
        const held = globSync(`/proc/${pid}/ns/*`).map((path) => readlinkSync(path))
        return held.some((one) => namespaces.includes(one)) || isIn(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), cgroup)
      } catch {
        return false
      }
    })
  const places = ['/sys/fs/cgroup', ...globSync('/sys/fs/cgroup/*'), '/run'].map((place) => `${place}${cgroup}`)
  return [...processes.map((pid) => `process ${pid}`), ...places.filter((place) => existsSync(place))]
}

function isIn(groups: string, cgroup: string): boolean {
  return groups.split('\n').some((line) => line.split(':')[2]?.startsWith(cgroup))
}

import { startHost } from '#bed/host.ts'
import { joinHosts } from '#bed/network.ts'

/** Two hosts on one network, each with a guest, until this process is killed; prints what tells them from the rest. */
const hosts = [await startHost('first'), await startHost('second')] as const
await joinHosts(hosts)
await Promise.all(hosts.map((host) => host.start({ name: 'twin' })))
process.stdout.write(`${JSON.stringify(hosts.map(({ cgroup, pid }) => ({ cgroup, pid })))}\n`)

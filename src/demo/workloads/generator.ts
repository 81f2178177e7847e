/**
 * `generator.ts FILE SEED`: the load generator, which alone measures whether goals hold. Open-loop: requests have send
 * times of their own, and latency counts from then, also where a request had to wait for the generator or was never
 * answered. It writes what a monitor outside the services would see to a JSON file, one of Reeve's metric sources.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { Client } from './client.ts'
import { joinDemo, type Order } from './link.ts'
import { transportTo } from './transport.ts'

const clients = new Map<string, Client>()
const [file, seed] = process.argv.slice(2) as [string, string]

const report = joinDemo('generator', (order: Order) => {
  if (order.type !== 'load') return
  const { service, at, load } = order
  const client = clients.get(service) ?? new Client(transportTo(at), Number(seed) + clients.size, TICKS_PER_SECOND)
  clients.set(service, client)
  client.setLoad(at, load)
})

const TICKS_PER_SECOND = 4

/** Four times a second: what a monitor would see of the last second, and the windows that have closed. */
function tick(): void {
  const nowMs = Date.now()
  const monitor: Record<string, object> = {}
  for (const [service, client] of clients) {
    for (const window of client.closedWindows(nowMs)) report({ type: 'window', service, window })
    const seen = client.tick()
    monitor[service] = { p95Ms: seen.p95, perSecond: seen.count }
  }
  writeFileSync(`${file}.new`, JSON.stringify(monitor))
  renameSync(`${file}.new`, file)
}
setInterval(tick, 1000 / TICKS_PER_SECOND)

/**
 * `service.ts NAME [METRIC]`: an HTTP service that spends some milliseconds of CPU on each request, with one worker
 * process a CPU, as services are run in production. With a METRIC it pushes its own 95th percentile over the last
 * second to Reeve, as an application would.
 */
import cluster from 'node:cluster'
import { createServer, request } from 'node:http'
import { burnCpu } from './burn.ts'
import { type Figures, SlidingLatencies } from './latencies.ts'
import { joinDemo } from './link.ts'

const WORKERS = 2
const REPORT_MS = 250
const PUSHES_PER_SECOND = 2

function lead(name: string, metric: string | undefined): void {
  const latencies = new SlidingLatencies(PUSHES_PER_SECOND)
  const workers = Array.from({ length: WORKERS }, () => cluster.fork())
  for (const worker of workers) {
    worker.on('message', (latenciesMs: readonly number[]) => {
      for (const latencyMs of latenciesMs) latencies.add(latencyMs)
    })
    // A service that has lost a worker is another service: better none than one that measures something else.
    worker.on('exit', () => process.exit(1))
  }
  let listening = 0
  cluster.on('listening', (_, { port }) => {
    listening += 1
    if (listening === WORKERS) report({ type: 'ready', port })
  })
  const report = joinDemo(name, (order) => {
    if (order.type === 'cost') for (const worker of workers) worker.send(order.cpuMs)
  })
  if (metric !== undefined) setInterval(() => push(metric, latencies.tick()), 1000 / PUSHES_PER_SECOND)
}

function serve(): void {
  let costMs = 0
  let latenciesMs: number[] = []
  process.on('message', (cpuMs: number) => {
    costMs = cpuMs
  })
  const server = createServer((incoming, response) => {
    // Requests differ: half as much to half as much again.
    burnCpu(costMs * (0.5 + Math.random()))
    response.end('done\n')
    latenciesMs.push(Date.now() - Number(incoming.headers['x-intended-ms']))
  })
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  setInterval(() => {
    process.send?.(latenciesMs)
    latenciesMs = []
  }, REPORT_MS)
}

/** Nothing answered in a second is no measurement. A push that fails is lost: Reeve then sees the reading grow old. */
function push(metric: string, figures: Figures): void {
  if (figures.count === 0) return
  const body = JSON.stringify({ readings: [{ metric, value: figures.p95 }] })
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const socketPath = process.env['REEVE_METRICS_SOCKET'] as string
  request({ socketPath, path: '/v1/metrics', method: 'POST', headers }, (response) => response.resume())
    .on('error', () => {})
    .end(body)
}

if (cluster.isPrimary) lead(process.argv[2] as string, process.argv[3])
else serve()

/**
 * `service.ts NAME [METRIC]`: an HTTP service that spends some milliseconds of CPU on each request. The main thread
 * accepts; two workers take the work from one queue, so it can use two CPUs and none idles while work waits. With a
 * METRIC it pushes its own 95th percentile over the last second to Reeve, as an application would.
 */
import { createServer, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { burn } from './burn.ts'
import { type Figures, SlidingLatencies } from './latencies.ts'
import { joinDemo } from './link.ts'

const WORKERS = 2
const PUSH_MS = 250

interface Waiting {
  readonly response: ServerResponse
  readonly intendedMs: number
}

function serve(name: string, metric: string | undefined): void {
  let hashes = 0
  const latencies = new SlidingLatencies()
  const queue: Waiting[] = []
  const idle: Worker[] = []
  const underway = new Map<Worker, Waiting>()

  const dispatch = (): void => {
    while (idle.length > 0 && queue.length > 0) {
      const worker = idle.pop() as Worker
      underway.set(worker, queue.shift() as Waiting)
      worker.postMessage(hashes)
    }
  }
  for (let index = 0; index < WORKERS; index++) {
    const worker = new Worker(new URL(import.meta.url))
    idle.push(worker)
    worker.on('message', () => {
      const done = underway.get(worker)
      underway.delete(worker)
      idle.push(worker)
      dispatch()
      done?.response.end('done\n')
      if (done !== undefined) latencies.add(Date.now() - done.intendedMs)
    })
  }
  const server = createServer((incoming, response) => {
    queue.push({ response, intendedMs: Number(incoming.headers['x-intended-ms'] ?? Date.now()) })
    dispatch()
  })
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1', () => report({ type: 'ready', port: (server.address() as AddressInfo).port }))
  const report = joinDemo(name, (order) => {
    if (order.type === 'cost') hashes = order.hashes
  })
  if (metric !== undefined) setInterval(() => push(metric, latencies.tick()), PUSH_MS)
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

if (isMainThread) serve(process.argv[2] as string, process.argv[3])
else {
  parentPort?.on('message', (hashes: number) => {
    // Requests differ: half as much to half as much again.
    burn(Math.round(hashes * (0.5 + Math.random())))
    parentPort?.postMessage(0)
  })
}

/**
 * The batch job: eats all the CPU it gets, and tells once a second how far it has come. Two threads a CPU, because a
 * kernel that finds a CPU idle for a moment does not always fetch a thread from another.
 */
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { burn } from './burn.ts'
import { joinDemo } from './link.ts'

const THREADS_PER_CPU = 2
const CHUNK = 200
const REPORT_MS = 250

function lead(): void {
  const report = joinDemo('batch', () => {})
  let hashes = 0
  for (let thread = 0; thread < THREADS_PER_CPU * availableParallelism(); thread++) {
    new Worker(new URL(import.meta.url)).on('message', (done: number) => {
      hashes += done
    })
  }
  setInterval(() => report({ type: 'work', hashes }), 1000)
}

function toil(): void {
  let done = 0
  let reportedMs = performance.now()
  for (;;) {
    burn(CHUNK)
    done += CHUNK
    if (performance.now() - reportedMs < REPORT_MS) continue
    parentPort?.postMessage(done)
    done = 0
    reportedMs = performance.now()
  }
}

if (isMainThread) lead()
else toil()

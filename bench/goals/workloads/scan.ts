/**
 * `scan.ts NAME FILE`: a batch job that reads a file over and over at random places and hashes a part of what it reads,
 * as one that looks for something does. It takes all the CPU that it gets, and with little CPU all the memory for files.
 */
import { hash } from 'node:crypto'
import { openSync, readSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { joinDemo } from '#demo/workloads/link.ts'
import { writeFile } from './file.ts'

const FILE_BYTES = 512 * 2 ** 20
const CHUNK_BYTES = 64 * 1024
/** Work is counted in hashes of as many bytes as the other job's; so many of each chunk. */
const BLOCK_BYTES = 4096
const HASHES = 4
const REPORT_MS = 250

function lead(name: string, file: string): void {
  writeFile(file, FILE_BYTES)
  const report = joinDemo(name, () => {})
  let hashes = 0
  for (let thread = 0; thread < 2 * availableParallelism(); thread++) {
    new Worker(new URL(import.meta.url), { workerData: file }).on('message', (done: number) => {
      hashes += done
    })
  }
  setInterval(() => report({ type: 'work', hashes }), 1000)
}

function toil(file: string): void {
  const fd = openSync(file, 'r')
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  let done = 0
  let reportedMs = performance.now()
  for (;;) {
    readSync(fd, buffer, 0, CHUNK_BYTES, Math.floor(Math.random() * (FILE_BYTES / CHUNK_BYTES)) * CHUNK_BYTES)
    for (let at = 0; at < HASHES * BLOCK_BYTES; at += BLOCK_BYTES) hash('sha256', buffer.subarray(at, at + BLOCK_BYTES))
    done += HASHES
    if (performance.now() - reportedMs < REPORT_MS) continue
    parentPort?.postMessage(done)
    done = 0
    reportedMs = performance.now()
  }
}

if (isMainThread) lead(process.argv[2] as string, process.argv[3] as string)
else toil(workerData as string)

/**
 * `store.ts NAME FILE`: an HTTP service that answers each request out of a file, by reads at random places. Its CPU is
 * next to nothing: what its answers take depends on how much of the file the kernel keeps in memory. It writes the file
 * itself, so that its own group is charged for it.
 */
import { openSync, read } from 'node:fs'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { joinDemo } from '#demo/workloads/link.ts'
import { writeFile } from './file.ts'

const FILE_BYTES = 48 * 2 ** 20
const READS = 256
const READ_BYTES = 4096
/** Reads that one request has under way at once. */
const ABREAST = 4

const [name, file] = process.argv.slice(2) as [string, string]
writeFile(file, FILE_BYTES)
const report = joinDemo(name, () => {})
const fd = openSync(file, 'r')
const readAt = promisify(read)

const server = createServer(async (_, response) => {
  await Promise.all(Array.from({ length: ABREAST }, readSome))
  response.end('done\n')
})
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') report({ type: 'ready', port: address.port })
})

async function readSome(): Promise<void> {
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  for (let done = 0; done < READS / ABREAST; done++) {
    await readAt(fd, buffer, 0, READ_BYTES, Math.floor(Math.random() * (FILE_BYTES / READ_BYTES)) * READ_BYTES)
  }
}

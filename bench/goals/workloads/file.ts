import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'

/** Writes a file of so many bytes, down to the disk: pages that are still to be written cannot be taken away at once. */
export function writeFile(path: string, bytes: number): void {
  const chunk = Buffer.alloc(2 ** 20, 1)
  const out = openSync(path, 'w')
  for (let written = 0; written < bytes; written += chunk.length) writeSync(out, chunk)
  fsyncSync(out)
  closeSync(out)
}

import { spawnSync } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { reasonOf } from '#lib/reason-of.ts'
import type { ReadFile } from './build.ts'

/** Bytes of one file, unpacked: a year of a hundred machines, a line for each and five minutes, has some. */
const BYTES_MOST = 2 ** 30

/** What `xz` says of a file that was cut off. */
const ENDS_TOO_EARLY = 'Unexpected end of input'

/** Reads what a scenario names, by paths that are relative to it. Files whose names end in .xz are unpacked by `xz`. */
export function readBeside(scenario: string): ReadFile {
  return (path) => {
    const whole = resolve(dirname(scenario), path)
    try {
      if (!whole.endsWith('.xz')) return { ok: true, path: whole, text: readText(whole), isCut: false }
      closeSync(openRegular(whole))
      return unpack(whole)
    } catch (error) {
      return { ok: false, message: reasonOf(error) }
    }
  }
}

/** The text of a regular file. @throws with the reason for anything else: pipes and devices may have no end. */
export function readText(path: string): string {
  const file = openRegular(path)
  try {
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

function openRegular(path: string): number {
  // A pipe would keep an ordinary open waiting for a writer.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const stat = fstatSync(file)
  if (stat.isFile() && stat.size <= BYTES_MOST) return file
  closeSync(file)
  throw new Error(stat.isFile() ? `it has ${stat.size} bytes; ${BYTES_MOST} are the most` : 'it is not a regular file')
}

function unpack(path: string): ReturnType<ReadFile> {
  const { stdout, stderr, status, error } = spawnSync('xz', ['-dc', '--', path], {
    encoding: 'utf8',
    maxBuffer: BYTES_MOST,
    env: { ...process.env, LC_ALL: 'C' },
  })
  const why = error === undefined ? stderr.trim() : `${error.message}; install xz, or unpack the file yourself`
  // What could be unpacked of a file that ends too early is as good as ever.
  const isCut = status !== 0 && stdout !== '' && stderr.includes(ENDS_TOO_EARLY)
  if (error !== undefined || (status !== 0 && !isCut)) return { ok: false, message: why }
  return { ok: true, path, text: stdout, isCut }
}

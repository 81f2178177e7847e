import type { Log } from '#daemon/log.ts'
import { attention, bad } from './render/style.ts'

/** Plain lines for a person who watches, JSON lines for whatever collects logs. Both on standard error. */
export async function createLog(): Promise<Log> {
  if (process.stderr.isTTY) {
    const write = (text: string) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)
    return {
      info: write,
      warn: (message) => write(attention(message)),
      error: (message) => write(bad(message)),
    }
  }
  const { pino, destination, stdTimeFunctions } = await import('pino')
  const log = pino({ base: null, timestamp: stdTimeFunctions.isoTime }, destination({ fd: 2, sync: true }))
  return {
    info: (message) => log.info(message),
    warn: (message) => log.warn(message),
    error: (message) => log.error(message),
  }
}

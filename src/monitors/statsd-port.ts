import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { reasonOf } from '#lib/reason-of.ts'
import { readStatsdLine, type StatsdLine } from './statsd-lines.ts'

/** Who hears what arrives in one bucket. */
export interface BucketListener {
  readonly bucket: string
  line(line: StatsdLine): void
  refuse(reason: string): void
}

/** A UDP port of 127.0.0.1 where applications send StatsD lines. */
export interface StatsdPort {
  /** Opens the port where it is not open. @throws with a message for the operator where it cannot be. */
  open(): Promise<void>
  listen(listener: BucketListener): void
  /** Closes the port with its last listener. */
  leave(listener: BucketListener): Promise<void>
}

/** What arrives in buckets that nobody listens to is none of Reeve's business. */
export function createStatsdPort(port: number): StatsdPort {
  const listeners = new Set<BucketListener>()
  let socket: Socket | null = null
  let opening: Promise<void> | null = null

  async function bind(): Promise<void> {
    const made = createSocket({ type: 'udp4' })
    made.on('message', hear)
    try {
      made.bind(port, '127.0.0.1')
      await once(made, 'listening')
    } catch (error) {
      made.close()
      throw new Error(`cannot receive on UDP port ${port} of 127.0.0.1: ${reasonOf(error)}`, { cause: error })
    }
    // One that fails later is opened again at the next look.
    made.on('error', () => {
      made.close()
      if (socket === made) socket = null
    })
    socket = made
  }

  function hear(datagram: Buffer): void {
    for (const text of datagram.toString('utf8').split('\n')) {
      if (text === '') continue
      const line = readStatsdLine(text)
      for (const listener of listeners) {
        if (listener.bucket !== line.bucket) continue
        if ('reason' in line) listener.refuse(line.reason)
        else listener.line(line)
      }
    }
  }

  return {
    async open() {
      if (socket !== null) return
      opening ??= bind().finally(() => {
        opening = null
      })
      await opening
    },
    listen: (listener) => void listeners.add(listener),
    async leave(listener) {
      listeners.delete(listener)
      if (listeners.size > 0) return
      await opening?.catch(() => undefined)
      const closing = socket
      socket = null
      if (closing === null) return
      const closed = once(closing, 'close')
      closing.close()
      await closed
    },
  }
}

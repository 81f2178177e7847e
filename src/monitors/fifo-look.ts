import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { decimal } from '#lib/decimal.ts'
import { printable } from '#lib/printable.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Clock } from '#ports.ts'
import { type Found, oneValue, UNCHANGED } from './board.ts'

/** A number has fewer characters; a longer line is none. */
const LINE_MOST = 256
/** What is read in one interval; whoever writes more waits for the next. */
const BYTES_MOST = 256 * 1024
const NO_WINDOWS = [] as const

/** Where a line goes when it comes. */
export interface LineTaker {
  take(found: Found): void
  fail(reason: string): void
}

/** A FIFO that is followed line by line. */
export interface FifoLook {
  /** Opens the FIFO where it is not open, and reads on. @throws where it cannot be opened. */
  look(): Promise<Found>
  close(): void
}

/**
 * Follows a FIFO: every line is a number, told when it comes, and as old as that. Writers come and go; of a line whose
 * last writer goes before it is whole nothing is believed. A FIFO that is made anew is opened anew.
 */
export function fifoLook(path: string, clock: Clock, taker: LineTaker): FifoLook {
  let reading: { readonly socket: Socket; readonly inode: number } | null = null
  let isClosed = false
  let bytesLeft = BYTES_MOST
  let isAwaited = true

  function takeLine(line: string): void {
    const value = line.length > LINE_MOST ? null : decimal(line.trim())
    if (value === null) taker.fail(`a line of ${path}, "${printable(line, 40)}", is not a number`)
    else {
      isAwaited = false
      taker.take(oneValue(value, clock.now(NO_WINDOWS).monotonicMs))
    }
  }

  /** For reading only, so that the going of the last writer is seen, and without waiting for a first one. */
  function connect(): void {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const its = fstatSync(fd)
    if (!its.isFIFO()) {
      closeSync(fd)
      throw new Error('it is not a FIFO; make one with mkfifo, or use `source: file`')
    }
    const socket = new Socket({ fd, readable: true, writable: false })
    reading?.socket.destroy()
    if (reading?.inode !== its.ino) isAwaited = true
    reading = { socket, inode: its.ino }
    let rest = ''
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      const whole = rest + text
      const end = whole.lastIndexOf('\n')
      // Of lines that come at once the last counts. Of one that is too long the beginning is enough to tell that it is.
      rest = whole.slice(end + 1).slice(0, LINE_MOST + 1)
      if (end >= 0) takeLine(whole.slice(end === 0 ? 0 : whole.lastIndexOf('\n', end - 1) + 1, end))
      bytesLeft -= text.length
      if (bytesLeft <= 0) socket.pause()
    })
    socket.on('end', () => {
      if (rest !== '') taker.fail(`the last writer of ${path} left in the middle of a line`)
      if (!isClosed && reading?.socket === socket) reconnect()
    })
    socket.on('error', (error) => {
      taker.fail(`cannot read ${path}: ${reasonOf(error)}`)
      if (reading?.socket === socket) reading = null
    })
  }

  /** At once, and before the old end is closed, or what the next writer has written already would be lost. */
  function reconnect(): void {
    try {
      connect()
    } catch (error) {
      reading = null
      taker.fail(`cannot follow ${path}: ${reasonOf(error)}`)
    }
  }

  return {
    async look() {
      bytesLeft = BYTES_MOST
      try {
        const { ino } = await stat(path)
        if (isClosed) return UNCHANGED
        if (reading?.inode === ino) reading.socket.resume()
        else connect()
      } catch (error) {
        reading?.socket.destroy()
        reading = null
        throw new Error(`cannot follow ${path}: ${reasonOf(error)}`, { cause: error })
      }
      return isAwaited ? { kind: 'waiting', reason: `nothing has been written to ${path} yet` } : UNCHANGED
    },
    close() {
      isClosed = true
      reading?.socket.destroy()
    },
  }
}

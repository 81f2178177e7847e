import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import type { Address } from './link.ts'

/** How requests reach a service. */
export interface Transport {
  /** Requests that may be under way at once; whoever comes then is turned away. */
  readonly most: number
  /** Requests from now on go there; the kind of address stays. */
  aim(at: Address): void
  /** Calls exactly one of the two, once. */
  send(intendedMs: number, answered: () => void, failed: () => void): void
}

const OUTSTANDING_MOST = 48
/** Of a machine, whose requests are long: a queue that is left over is gone within a second. */
const OF_MACHINES = 12

export function transportTo(at: Address): Transport {
  return at.kind === 'http' ? new Http() : new Channels(at.paths)
}

class Http implements Transport {
  readonly most = OUTSTANDING_MOST
  readonly #agent = new Agent({ keepAlive: true, maxSockets: OUTSTANDING_MOST })
  #port = 0

  aim(at: Address): void {
    if (at.kind === 'http') this.#port = at.port
  }

  send(intendedMs: number, answered: () => void, failed: () => void): void {
    const headers = { 'x-intended-ms': String(intendedMs) }
    const outgoing = request({ host: '127.0.0.1', port: this.#port, agent: this.#agent, headers }, (response) => {
      response.resume()
      response.on('end', answered)
    })
    outgoing.on('error', failed)
    outgoing.end()
  }
}

/** Each request goes to the worker with the fewest under way. */
class Channels implements Transport {
  readonly most = OF_MACHINES
  readonly #workers: readonly Worker[]
  #units = 0

  constructor(paths: readonly string[]) {
    this.#workers = paths.map((path) => new Worker(path))
  }

  aim(at: Address): void {
    if (at.kind === 'channels') this.#units = at.units
  }

  send(_intendedMs: number, answered: () => void, failed: () => void): void {
    const worker = this.#workers.reduce((one, other) => (other.underWay < one.underWay ? other : one))
    worker.send(this.#units, answered, failed)
  }
}

/** A line a request, answered by a line each, in order. */
class Worker {
  readonly #socket
  readonly #waiting: { readonly answered: () => void; readonly failed: () => void }[] = []

  constructor(path: string) {
    this.#socket = connect(path)
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (text: string) => {
      for (let i = text.split('\n').length - 1; i > 0; i--) this.#waiting.shift()?.answered()
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      for (const { failed } of this.#waiting.splice(0)) failed()
    })
  }

  get underWay(): number {
    return this.#waiting.length
  }

  send(units: number, answered: () => void, failed: () => void): void {
    if (this.#socket.destroyed) failed()
    else {
      this.#waiting.push({ answered, failed })
      this.#socket.write(`${units}\n`)
    }
  }
}

import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import type { Address } from './link.ts'

/** How requests reach a service. */
export interface Transport {
  /** Requests from now on go there; the kind of address stays. */
  aim(at: Address): void
  /** Calls exactly one of the two, once. */
  send(intendedMs: number, answered: () => void, failed: () => void): void
}

const CONNECTIONS_MOST = 48

export function transportTo(at: Address): Transport {
  return at.kind === 'http' ? new Http() : new Channel(at.path)
}

class Http implements Transport {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MOST })
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

/** A line a request, answered by a line each, in order. */
class Channel implements Transport {
  readonly #socket
  readonly #underWay: { readonly answered: () => void; readonly failed: () => void }[] = []
  #units = 0

  constructor(path: string) {
    this.#socket = connect(path)
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (text: string) => {
      for (let i = text.split('\n').length - 1; i > 0; i--) this.#underWay.shift()?.answered()
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      for (const { failed } of this.#underWay.splice(0)) failed()
    })
  }

  aim(at: Address): void {
    if (at.kind === 'channel') this.#units = at.units
  }

  send(_intendedMs: number, answered: () => void, failed: () => void): void {
    if (this.#socket.destroyed) failed()
    else {
      this.#underWay.push({ answered, failed })
      this.#socket.write(`${this.#units}\n`)
    }
  }
}

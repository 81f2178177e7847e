import { createServer, type Server, type Socket } from 'node:net'
import { onMessages, type Report, send, type Window } from './workloads/link.ts'

const READY_MS = 20_000

/** The demo's end of the link to its processes. */
export class Link {
  readonly ports = new Map<string, number>()
  readonly windows = new Map<string, Window[]>()
  /** Hashes that each batch job has done so far. */
  readonly work = new Map<string, number>()
  readonly #path: string
  readonly #sockets = new Map<string, Socket>()
  readonly #server: Server
  #wake: () => void = () => {}

  constructor(path: string) {
    this.#path = path
    this.#server = createServer((socket) => this.#accept(socket))
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#path, resolve)
    })
  }

  /** Resolves when all of these processes have said hello and all of these services accept requests. */
  async ready(names: readonly string[], services: readonly string[]): Promise<void> {
    const isReady = (): boolean =>
      names.every((name) => this.#sockets.has(name)) && services.every((service) => this.ports.has(service))
    const deadline = AbortSignal.timeout(READY_MS)
    while (!isReady()) {
      if (deadline.aborted) {
        const here = [...this.#sockets.keys()].join(', ')
        throw new Error(
          `only ${here === '' ? 'none' : here} of the demo's processes answered within ${READY_MS / 1000} s; their output is beside ${this.#path}`,
        )
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        setTimeout(resolve, 200)
      })
    }
  }

  order(name: string, order: Parameters<typeof send>[1]): void {
    const socket = this.#sockets.get(name)
    if (socket !== undefined) send(socket, order)
  }

  close(): Promise<void> {
    for (const socket of this.#sockets.values()) socket.destroy()
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
    })
  }

  #accept(socket: Socket): void {
    let name = ''
    socket.on('error', () => {})
    onMessages<Report>(socket, (report) => {
      if (report.type === 'hello') {
        name = report.name
        this.#sockets.set(name, socket)
      } else this.#take(name, report)
      this.#wake()
    })
  }

  #take(name: string, report: Exclude<Report, { type: 'hello' }>): void {
    if (report.type === 'ready') this.ports.set(name, report.port)
    else if (report.type === 'work') this.work.set(name, report.hashes)
    else this.windows.set(report.service, [...(this.windows.get(report.service) ?? []), report.window])
  }
}

import { connect, type Socket } from 'node:net'

/** The link between the demo and its processes: one unix socket, one JSON message a line, both ways. */

/** What a process tells the demo. */
export type Report =
  | { readonly type: 'hello'; readonly name: string }
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'work'; readonly hashes: number }
  | { readonly type: 'window'; readonly service: string; readonly window: Window }

/** One second as the load generator saw it, by the second in which requests were meant to be sent. */
export interface Window {
  /** UTC milliseconds of its start. */
  readonly startMs: number
  readonly offered: number
  readonly answered: number
  /** Answers that arrived in this second, whenever their requests were meant to be sent. */
  readonly throughput: number
  /** From the intended send time to the answer, in ms; a request without one counts as the longest. */
  readonly p95Ms: number
}

/** What the demo tells a process. */
export type Order =
  | { readonly type: 'cost'; readonly cpuMs: number }
  | { readonly type: 'load'; readonly service: string; readonly at: Address; readonly load: Load }

/** Where a service answers: an HTTP server, or the channels of a machine's workers, on which a request names the work it is. */
export type Address =
  | { readonly kind: 'http'; readonly port: number }
  | { readonly kind: 'channels'; readonly paths: readonly string[]; readonly units: number }

export type Load =
  /** Requests at random times, on average so many a second, whatever the answers do. */
  | { readonly kind: 'open'; readonly perSecond: number }
  /** Always so many requests under way: as soon as one is answered the next is sent. */
  | { readonly kind: 'pressing'; readonly outstanding: number }
  | { readonly kind: 'none' }

/** Calls `take` for each whole line that arrives on a socket. */
export function onMessages<Message>(socket: Socket, take: (message: Message) => void): void {
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(JSON.parse(line) as Message)
  })
}

export function send(socket: Socket, message: Report | Order): void {
  socket.write(`${JSON.stringify(message)}\n`)
}

/** Connects a process to the demo, and ends it when the demo is gone, by whatever end. */
export function joinDemo(name: string, take: (order: Order) => void): (report: Report) => void {
  const path = process.env['REEVE_DEMO_SOCKET']
  if (path === undefined)
    throw new Error('this is a process of `reeve demo`, which names its socket in REEVE_DEMO_SOCKET')
  const socket = connect(path)
  socket.on('error', () => process.exit(0))
  socket.on('close', () => process.exit(0))
  onMessages<Order>(socket, take)
  send(socket, { type: 'hello', name })
  return (report) => send(socket, report)
}

import { connect } from 'node:net'
import type { PATHS } from '#api/paths.ts'
import { Failure } from './failure.ts'

/** No daemon at the other end; what can be told without one is told from the journal. */
export class NoDaemon extends Failure {}

type Path = (typeof PATHS)[keyof typeof PATHS]

/** Asks the daemon over its control socket. Without a body it is a question, with one a request to act. */
export async function ask<Answer>(socketPath: string, path: Path, query: Query = {}, body?: object): Promise<Answer> {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  const target = search.size === 0 ? path : `${path}?${search}`
  const { status, text } = await send(socketPath, target, body)
  const answer = parse(text, socketPath)
  if (status < 400) return answer as Answer
  const { detail = text } = answer as { detail?: string }
  throw new Failure(detail)
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

/**
 * HTTP/1.1 as far as one question to our own daemon needs it. Loading `node:http` would take 65 ms, half of what
 * `reeve status` may take; a socket takes 3 ms.
 */
function send(socketPath: string, path: string, body: object | undefined): Promise<Answered> {
  const text = body === undefined ? '' : JSON.stringify(body)
  const head = [
    `${body === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1`,
    'Host: reeve',
    'Connection: close',
    ...(body === undefined ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(text)}`]),
  ]
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    const socket = connect(socketPath, () => socket.write(`${head.join('\r\n')}\r\n\r\n${text}`))
    socket.on('data', (part: Buffer) => parts.push(part))
    socket.on('error', (error) => reject(explained(error, socketPath)))
    socket.on('end', () => {
      const answered = parseAnswer(Buffer.concat(parts))
      if (answered !== null) resolve(answered)
      else reject(new Failure(`the daemon at ${socketPath} ended before it had answered; see its log`))
    })
  })
}

interface Answered {
  readonly status: number
  readonly text: string
}

/** null for an answer that is not whole. The daemon states the length of all that it sends. */
function parseAnswer(bytes: Buffer): Answered | null {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return null
  const head = bytes.subarray(0, end).toString('latin1')
  const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]
  const length = /^content-length: *(\d+)$/im.exec(head)?.[1]
  const body = bytes.subarray(end + 4)
  if (status === undefined || length === undefined || body.length < Number(length)) return null
  return { status: Number(status), text: body.subarray(0, Number(length)).toString('utf8') }
}

function explained(error: NodeJS.ErrnoException, socketPath: string): Error {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    return new NoDaemon(`no daemon answers at ${socketPath}; start one with 'reeve up -c FILE', or name its --socket`)
  }
  if (error.code === 'EACCES') {
    return new Failure(`cannot open ${socketPath}: it belongs to the user that runs the daemon; try as root`)
  }
  return new Failure(`cannot ask the daemon at ${socketPath}: ${error.message}`, undefined, { cause: error })
}

function parse(text: string, socketPath: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Failure(`what answers at ${socketPath} is not Reeve: it sent ${text.slice(0, 80)}`, undefined, { cause })
  }
}

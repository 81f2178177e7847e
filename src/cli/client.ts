import { request } from 'node:http'
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

function send(socketPath: string, path: string, body: object | undefined): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath,
        path,
        method: body === undefined ? 'GET' : 'POST',
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
      },
      (incoming) => {
        let text = ''
        incoming.setEncoding('utf8')
        incoming.on('data', (part: string) => {
          text += part
        })
        incoming.on('error', reject)
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 500, text }))
      },
    )
    outgoing.on('error', (error: NodeJS.ErrnoException) => reject(explained(error, socketPath)))
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
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

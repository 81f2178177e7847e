import type { FastifyError, FastifyReply } from 'fastify'
import { z } from 'zod'

/** An error as RFC 9457 has it: what kind, which status, and what exactly was wrong with this request. */
export interface Problem {
  readonly type: `urn:reeve:${string}`
  readonly title: string
  readonly status: number
  readonly detail: string
}

const KINDS = {
  'bad-request': [400, 'The request is not as the contract has it'],
  'refused-reading': [400, 'A reading is not believed'],
  'not-on-record': [404, 'The journal has no such turn or domain'],
  'no-such-domain': [404, 'No such domain runs here'],
  'no-such-event': [404, 'No goal waits for this event'],
  'no-such-route': [404, 'There is nothing at this path'],
  'too-large': [413, 'The request is too large'],
  'not-json': [415, 'The body is not JSON'],
  defect: [500, 'A defect in Reeve'],
} as const
type Kind = keyof typeof KINDS

export function problem(kind: Kind, detail: string): Problem {
  const [status, title] = KINDS[kind]
  return { type: `urn:reeve:${kind}`, title, status, detail }
}

export function sendProblem(reply: FastifyReply, what: Problem): FastifyReply {
  return reply.code(what.status).type('application/problem+json').send(what)
}

/** The problem that an error thrown by a route stands for. */
export function problemOf(error: FastifyError | Error): Problem {
  if (error instanceof z.ZodError) return problem('bad-request', z.prettifyError(error))
  if (error.name === 'RefusedReading') return problem('refused-reading', error.message)
  if (error.name === 'NotOnRecord') return problem('not-on-record', error.message)
  if (error.name === 'NotSeen') return problem('no-such-domain', error.message)
  if (error.name === 'UnknownEvent') return problem('no-such-event', error.message)
  const status = 'statusCode' in error ? error.statusCode : undefined
  if (status === 413) return problem('too-large', error.message)
  if (status === 415) return problem('not-json', error.message)
  if (status !== undefined && status >= 400 && status < 500) return problem('bad-request', error.message)
  return problem('defect', error.message)
}

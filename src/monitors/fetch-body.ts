import { reasonOf } from '#lib/reason-of.ts'

/** What a server answered: its body is bounded, and not yet believed to be text. */
export interface Answer {
  readonly status: number
  /** The content type in lower case, or '' where none is named. */
  readonly type: string
  readonly body: Buffer
}

export interface Asking {
  readonly accept: string
  /** More than so many bytes are no answer. */
  readonly bytesMost: number
  /** An answer of this status is taken as it is, also where it leads elsewhere. */
  readonly status: number
  readonly signal: AbortSignal
}

const REDIRECTS_MOST = 3

/**
 * GETs a URL, whole. Redirects are followed within the same origin only: the policy names who is asked.
 * @throws with a message for the operator, where there is no answer or one that is too long.
 */
export async function fetchBody(url: URL, asking: Asking): Promise<Answer> {
  try {
    return await follow(url, asking, REDIRECTS_MOST)
  } catch (error) {
    throw new Error(`cannot GET ${shownUrl(url)}: ${reasonOfFetch(error)}`, { cause: error })
  }
}

async function follow(url: URL, asking: Asking, redirectsLeft: number): Promise<Answer> {
  const { accept, bytesMost, signal } = asking
  const response = await fetch(url, { headers: { accept }, redirect: 'manual', signal })
  const location = response.headers.get('location')
  if (response.status >= 300 && response.status < 400 && response.status !== asking.status && location !== null) {
    await response.body?.cancel()
    const next = new URL(location, url)
    if (next.origin !== url.origin) throw new Error(`it redirects to ${next.origin}, and other hosts are not asked`)
    if (redirectsLeft === 0) throw new Error(`it redirects more than ${REDIRECTS_MOST} times`)
    return follow(next, asking, redirectsLeft - 1)
  }
  const type = (response.headers.get('content-type') ?? '').toLowerCase()
  return { status: response.status, type, body: await bodyOf(response, bytesMost) }
}

async function bodyOf(response: Response, bytesMost: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Leaving the loop early cancels what is still to come.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > bytesMost) throw new Error(`the answer is longer than the ${bytesMost} bytes that are read`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Without its query, which may hold a secret, and which makes lines long. */
export function shownUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`
}

/** The body as text. @throws where it is not UTF-8. */
export function textOf({ body }: Answer, url: URL): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (error) {
    throw new Error(`the answer of ${shownUrl(url)} is not UTF-8 text`, { cause: error })
  }
}

/** `fetch` says "fetch failed" and no more; what failed is its cause, which may be one of several addresses. */
function reasonOfFetch(error: unknown): string {
  const cause = error instanceof TypeError ? error.cause : undefined
  if (!(cause instanceof Error)) return reasonOf(error)
  return cause.message !== '' ? cause.message : String((cause as NodeJS.ErrnoException).code ?? error)
}

import { inTime } from '#lib/in-time.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { type Connection, connect } from './connection.ts'
import { LibvirtError, loadLibvirt } from './library.ts'

/** One libvirt connection that comes back by itself: libvirtd may be restarted while its machines run on. */
export interface Link {
  readonly uri: string
  /** Why it does not answer, in libvirt's words; null where it does, or was not asked yet. */
  readonly problem: string | null
  /** Works with the connection, which is opened where it is not, for 5 s at most; then it asks nothing more. @throws {LibvirtError} | {LibvirtMissing} */
  use<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}

/** A use takes no longer, whatever becomes of what libvirt was asked. */
const USE_MS_MAX = 5000
/** A little less, so that what follows a use that took too long is not asked. */
const SILENT_MS = 4500
/** A connection that hangs is left behind. */
const CLOSE_MS = 1000

/** `hear` is called whenever something happens to a domain there, where libvirt can tell; null listens to nothing. */
export function linkTo(uri: string, hear: (() => void) | null): Link {
  let connection: Promise<Connection> | null = null
  let isClosed = false
  let problem: string | null = null
  /** When each use began that has not ended, the oldest first. */
  const uses = new Map<symbol, number>()

  /** Why there is no use in asking now; null where there is. */
  function silence(): string | null {
    const [since = performance.now()] = uses.values()
    const ms = performance.now() - since
    return ms < SILENT_MS ? null : `it has not answered for ${Math.round(ms / 1000)} s`
  }

  /** It is opened anew with the next use, and nobody waits for its end. Of many that used it one drops it. */
  function drop(used: Promise<Connection>): void {
    if (connection !== used) return
    connection = null
    used.then((open) => open.close()).catch(() => {})
  }

  async function tried<Result>(
    work: (connection: Connection) => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result> {
    connection ??= connectAndListen(uri, hear)
    const used = connection
    try {
      const result = await work((await used).during(signal))
      problem = null
      return result
    } catch (error) {
      const open = await used.catch(() => null)
      const isDead = async () => !(await open?.isAlive().catch(() => false))
      if (open === null || (error instanceof LibvirtError && (await isDead()))) drop(used)
      // What libvirt refuses is the caller's; that it cannot be reached is the link's.
      if (connection === null) problem = reasonOf(error)
      throw error
    }
  }

  return {
    uri,
    get problem() {
      return silence() ?? problem
    },
    async use(work) {
      if (isClosed) throw new Error('not asked, as the connection is closed')
      const silent = silence()
      // Whoever asks now would only wait, too.
      if (silent !== null) throw new Error(`not asked, as ${silent}`)
      const use = Symbol()
      uses.set(use, performance.now())
      const signal = AbortSignal.timeout(USE_MS_MAX)
      const done = tried(work, signal).finally(() => uses.delete(use))
      return inTime(done, signal).catch((error: unknown) => {
        throw signal.aborted ? new Error(`libvirt did not come back within ${USE_MS_MAX / 1000} s`) : error
      })
    },
    async close() {
      isClosed = true
      const open = connection
      connection = null
      const closed = open?.then((one) => one.close()) ?? Promise.resolve()
      await inTime(closed, AbortSignal.timeout(CLOSE_MS)).catch(() => {})
    },
  }
}

async function connectAndListen(uri: string, hear: (() => void) | null): Promise<Connection> {
  const connection = await connect(await loadLibvirt(), uri)
  try {
    if (hear !== null) await connection.listen(hear)
  } catch (error) {
    void connection.close().catch(() => {})
    throw error
  }
  return connection
}

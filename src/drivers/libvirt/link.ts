import { reasonOf } from '#lib/reason-of.ts'
import { type Connection, connect } from './connection.ts'
import { inTime } from './in-time.ts'
import { LibvirtError, loadLibvirt } from './library.ts'

/** One libvirt connection that comes back by itself: libvirtd may be restarted while its machines run on. */
export interface Link {
  readonly uri: string
  /** Why it does not answer, in libvirt's words; null where it does, or was not asked yet. */
  readonly problem: string | null
  /** Works with the connection, which is opened where it is not, unless it hangs. @throws {LibvirtError} | {LibvirtMissing} */
  use<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}

/** Who looks at what runs waits a little longer, and no longer than that. */
const SILENT_MS = 4500
/** A connection that hangs is left behind. */
const CLOSE_MS = 1000

/** `hear` is called whenever something happens to a domain there, where libvirt can tell; null listens to nothing. */
export function linkTo(uri: string, hear: (() => void) | null): Link {
  let connection: Promise<Connection> | null = null
  let problem: string | null = null
  /** When each use began that has not ended, the oldest first. */
  const uses = new Map<symbol, number>()

  /** Why there is no use in asking now; null where there is. */
  function silence(): string | null {
    const [since = performance.now()] = uses.values()
    const ms = performance.now() - since
    return ms < SILENT_MS ? null : `it has not answered for ${Math.round(ms / 1000)} s`
  }

  async function opened(): Promise<Connection> {
    connection ??= connectAndListen(uri, hear)
    try {
      return await connection
    } catch (error) {
      connection = null
      throw error
    }
  }

  /** A connection that broke is opened anew with the next call, and nobody waits for its end. */
  async function dropIfDead(used: Connection): Promise<void> {
    if (await used.isAlive().catch(() => false)) return
    connection = null
    void used.close().catch(() => {})
  }

  return {
    uri,
    get problem() {
      return silence() ?? problem
    },
    async use(work) {
      const silent = silence()
      // Whoever asks now would only wait, too.
      if (silent !== null) throw new Error(`not asked, as ${silent}`)
      let used: Connection | null = null
      const use = Symbol()
      uses.set(use, performance.now())
      try {
        used = await opened()
        const result = await work(used)
        problem = null
        return result
      } catch (error) {
        if (used !== null && error instanceof LibvirtError) await dropIfDead(used)
        // What libvirt refuses is the caller's; that it cannot be reached is the link's.
        if (connection === null) problem = reasonOf(error)
        throw error
      } finally {
        uses.delete(use)
      }
    },
    async close() {
      const open = connection
      connection = null
      const closed = open?.then((one) => one.close()) ?? Promise.resolve()
      await inTime(closed, AbortSignal.timeout(CLOSE_MS)).catch(() => {})
    },
  }
}

async function connectAndListen(uri: string, hear: (() => void) | null): Promise<Connection> {
  const connection = await connect(await loadLibvirt(), uri)
  if (hear !== null) await connection.listen(hear)
  return connection
}

import { reasonOf } from '#lib/reason-of.ts'
import { type Connection, connect } from './connection.ts'
import { LibvirtError, loadLibvirt } from './library.ts'

/** One libvirt connection that comes back by itself: libvirtd may be restarted while its machines run on. */
export interface Link {
  readonly uri: string
  /** Why it does not answer, in libvirt's words; null where it does, or was not asked yet. */
  readonly problem: string | null
  /** Works with the connection, which is opened where it is not. @throws {LibvirtError} | {LibvirtMissing} */
  use<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}

/** `hear` is called whenever something happens to a domain there, where libvirt can tell; null listens to nothing. */
export function linkTo(uri: string, hear: (() => void) | null): Link {
  let connection: Promise<Connection> | null = null
  let problem: string | null = null

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
      return problem
    },
    async use(work) {
      let used: Connection | null = null
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
      }
    },
    async close() {
      const open = connection
      connection = null
      await open?.then((one) => one.close()).catch(() => {})
    },
  }
}

async function connectAndListen(uri: string, hear: (() => void) | null): Promise<Connection> {
  const connection = await connect(await loadLibvirt(), uri)
  if (hear !== null) await connection.listen(hear)
  return connection
}

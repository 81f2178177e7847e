import { inTime } from '#lib/in-time.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { type Connection, connect } from './connection.ts'
import { LibvirtMissing, loadLibvirt } from './library.ts'

/** What a connection that was opened to look once has told, or why it told nothing. */
export type Visited<Result> =
  | { readonly uri: string; readonly answers: true; readonly told: Result }
  | { readonly uri: string; readonly answers: false; readonly reason: string; readonly remedy: string | null }

/** Nobody who looks once waits longer for libvirt to connect, or to do what was asked. */
const PATIENCE_MS = 5000
const CLOSE_MS = 1000

/**
 * Opens a connection, works with it and closes it. A connection that hangs is left behind, with the call that it does
 * not return from; so is work that takes longer than `workMs`.
 */
export async function visit<Result>(
  uri: string,
  work: (connection: Connection) => Promise<Result>,
  workMs = PATIENCE_MS,
): Promise<Visited<Result>> {
  try {
    const connection = await inTime(connecting(uri), AbortSignal.timeout(PATIENCE_MS))
    try {
      return { uri, answers: true, told: await inTime(work(connection), AbortSignal.timeout(workMs)) }
    } finally {
      await inTime(connection.close(), AbortSignal.timeout(CLOSE_MS)).catch(() => {})
    }
  } catch (error) {
    return { uri, answers: false, ...explained(error) }
  }
}

async function connecting(uri: string): Promise<Connection> {
  return connect(await loadLibvirt(), uri)
}

/** libvirt gives one error code for all that a socket may refuse, so its words tell which. */
function explained(error: unknown): { reason: string; remedy: string | null } {
  const said = reasonOf(error)
  // It names the package.
  if (error instanceof LibvirtMissing) return { reason: said, remedy: null }
  if ((error as Error).name === 'TimeoutError') {
    return { reason: 'it does not answer in time', remedy: 'see whether libvirtd hangs' }
  }
  if (/No such file or directory|Connection refused/.test(said)) {
    return { reason: `not running: ${said}`, remedy: 'start libvirtd, or virtqemud where libvirt is made of parts' }
  }
  if (/Permission denied|authentication|access denied/i.test(said)) {
    return { reason: `no permission: ${said}`, remedy: 'run as root, or as a member of the group libvirt' }
  }
  return { reason: said, remedy: 'see whether the URI is right and libvirtd runs' }
}

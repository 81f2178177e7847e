import { join } from 'node:path'

/** Where things are unless an option says otherwise. */
export const DEFAULTS = { state: '/var/lib/reeve', socket: '/run/reeve/control.sock', lock: '/run/reeve.lock' } as const

/** Options of the commands that have to do with a daemon. */
export interface CommonOptions {
  readonly state: string
  readonly socket: string
  readonly json?: boolean
}

export interface PolicyOptions extends CommonOptions {
  readonly config: string
}

/**
 * One lock for all daemons of a host, wherever their state and sockets are. Who is not root manages nothing of the
 * host's and may not write there; such a daemon keeps to itself.
 */
export function lockFile({ state }: CommonOptions): string {
  return process.geteuid?.() === 0 ? DEFAULTS.lock : join(state, 'daemon.lock')
}

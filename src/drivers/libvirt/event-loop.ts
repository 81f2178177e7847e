import { setTimeout as sleep } from 'node:timers/promises'
import type Koffi from 'koffi'
import type { LibraryHandle } from 'koffi'
import { asynchronously, type Handle } from './call.ts'

/** Of `virDomainEventID`: lifecycle, reboot, balloon, device removed, device added, metadata. */
const EVENTS = [0, 1, 13, 15, 19, 23]
const NEVER = -1
/** Before libvirt's event loop is run again: each call of anybody's wakes it several times. Longer where it failed. */
const AGAIN_MS = 20
const AGAIN_AFTER_FAILURE_MS = 1000

/**
 * libvirt's own event loop, which runs on a thread of its own while anybody listens. Callbacks differ in what they are
 * told after the connection and the domain; that something happened is all that is wanted of them.
 */
export function eventLoop(koffi: typeof Koffi, library: LibraryHandle) {
  library.func('int virEventRegisterDefaultImpl()')()
  const runOnce = library.func('int virEventRunDefaultImpl()')
  const Happened = koffi.pointer(koffi.proto('int reeveHappened(void *conn, void *domain)'))
  const register = library.func(
    'int virConnectDomainEventRegisterAny(virConnect *conn, void *domain, int id, reeveHappened *cb, void *, void *)',
  )
  const Tick = koffi.pointer(koffi.proto('void reeveTick(int timer, void *data)'))
  const deregister = library.func('int virConnectDomainEventDeregisterAny(virConnect *conn, int callback)')
  const addTimeout = library.func('int virEventAddTimeout(int ms, reeveTick *tick, void *data, void *free)')
  const updateTimeout = library.func('void virEventUpdateTimeout(int timer, int ms)')
  const listening = new Map<Handle, () => void>()
  const registered = new Map<Handle, readonly number[]>()
  // Fires as often as it is told to until it is told never to.
  const tick = koffi.register(() => updateTimeout(timer, NEVER), Tick)
  const timer = addTimeout(NEVER, tick, null, null)
  // One for all connections: a connection that broke may still call it.
  const happened = koffi.register(() => {
    for (const hear of listening.values()) hear()
    return 0
  }, Happened)
  let isRunning = false

  async function run(): Promise<void> {
    isRunning = true
    while (listening.size > 0) {
      const hasFailed = (await asynchronously<number>(runOnce, [])) < 0
      await sleep(hasFailed ? AGAIN_AFTER_FAILURE_MS : AGAIN_MS)
    }
    isRunning = false
  }

  return {
    async listen(connection: Handle, hear: () => void): Promise<void> {
      listening.set(connection, hear)
      const ids: number[] = []
      // Not every hypervisor tells of everything.
      for (const id of EVENTS) ids.push(await asynchronously(register, [connection, null, id, happened, null, null]))
      registered.set(
        connection,
        ids.filter((id) => id >= 0),
      )
      if (!isRunning) void run()
    },
    /** A connection that somebody listens to is not closed. */
    async forget(connection: Handle): Promise<void> {
      for (const id of registered.get(connection) ?? []) await asynchronously(deregister, [connection, id])
      registered.delete(connection)
      // The loop waits for the next event, and is woken to see that nobody listens any more.
      if (listening.delete(connection) && listening.size === 0) updateTimeout(timer, 0)
    },
  }
}

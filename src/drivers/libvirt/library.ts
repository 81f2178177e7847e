import type { LibraryHandle } from 'koffi'
import { inTime } from '#lib/in-time.ts'
import { printable } from '#lib/printable.ts'
import { asynchronously, type Handle, type KoffiFunction } from './call.ts'
import { eventLoop } from './event-loop.ts'

/**
 * libvirt's shared library, called without headers. Every call runs off the main thread, one at a time on each
 * connection, so that the text of an error is that of the call which failed.
 */

/** What libvirt says may have names in it, or what a guest said. */
const SAID_MOST = 500

/** libvirt said no, or could not be asked: what was called, and its own words. */
export class LibvirtError extends Error {
  override readonly name = 'LibvirtError'
  /** `virErrorNumber`; 0 where libvirt gave none. */
  readonly code: number

  constructor(called: string, code: number, said: string) {
    super(`${called}: ${printable(said, SAID_MOST)}`)
    this.code = code
  }
}

/** The library is not installed, or is not one that can be loaded. */
export class LibvirtMissing extends Error {
  override readonly name = 'LibvirtMissing'
}

const SONAME = 'libvirt.so.0'

/** Prototypes of what Reeve calls. Handles are opaque; the errors of those that return text are not told apart. */
const PROTOTYPES = {
  virConnectOpen: 'virConnect *virConnectOpen(const char *uri)',
  virConnectClose: 'int virConnectClose(virConnect *conn)',
  virConnectIsAlive: 'int virConnectIsAlive(virConnect *conn)',
  virConnectGetType: 'const char *virConnectGetType(virConnect *conn)',
  virConnectListAllDomains: 'int virConnectListAllDomains(virConnect *conn, _Out_ void **domains, uint flags)',
  virConnectGetLibVersion: 'int virConnectGetLibVersion(virConnect *conn, _Out_ ulong *version)',
  virConnectGetVersion: 'int virConnectGetVersion(virConnect *conn, _Out_ ulong *version)',
  virConnectGetAllDomainStats:
    'int virConnectGetAllDomainStats(virConnect *conn, uint stats, _Out_ void **records, uint flags)',
  virDomainStatsRecordListFree: 'void virDomainStatsRecordListFree(void *records)',
  virDomainLookupByUUIDString: 'virDomain *virDomainLookupByUUIDString(virConnect *conn, const char *uuid)',
  virDomainGetName: 'const char *virDomainGetName(virDomain *domain)',
  virDomainGetUUIDString: 'int virDomainGetUUIDString(virDomain *domain, _Out_ uint8_t *text)',
  virDomainGetID: 'uint virDomainGetID(virDomain *domain)',
  virDomainGetInfo: 'int virDomainGetInfo(virDomain *domain, _Out_ uint8_t *info)',
  virDomainGetSchedulerParametersFlags:
    'int virDomainGetSchedulerParametersFlags(virDomain *domain, _Out_ uint8_t *params, _Inout_ int *count, uint flags)',
  virDomainSetSchedulerParametersFlags:
    'int virDomainSetSchedulerParametersFlags(virDomain *domain, const uint8_t *params, int count, uint flags)',
  virDomainGetVcpuPinInfo:
    'int virDomainGetVcpuPinInfo(virDomain *domain, int count, _Out_ uint8_t *maps, int bytes, uint flags)',
  virDomainPinVcpuFlags:
    'int virDomainPinVcpuFlags(virDomain *domain, uint vcpu, const uint8_t *map, int bytes, uint flags)',
  virDomainGetEmulatorPinInfo:
    'int virDomainGetEmulatorPinInfo(virDomain *domain, _Out_ uint8_t *map, int bytes, uint flags)',
  virDomainPinEmulator: 'int virDomainPinEmulator(virDomain *domain, const uint8_t *map, int bytes, uint flags)',
  virDomainSetMemoryFlags: 'int virDomainSetMemoryFlags(virDomain *domain, ulong kibibytes, uint flags)',
  virDomainGetBlockIoTune:
    'int virDomainGetBlockIoTune(virDomain *domain, const char *disk, _Out_ uint8_t *params, _Inout_ int *count, uint flags)',
  virDomainSetBlockIoTune:
    'int virDomainSetBlockIoTune(virDomain *domain, const char *disk, const uint8_t *params, int count, uint flags)',
  virTypedParamsClear: 'void virTypedParamsClear(uint8_t *params, int count)',
  virDomainGetVcpusFlags: 'int virDomainGetVcpusFlags(virDomain *domain, uint flags)',
  virDomainSetVcpusFlags: 'int virDomainSetVcpusFlags(virDomain *domain, uint vcpus, uint flags)',
  virDomainGetGuestVcpus:
    'int virDomainGetGuestVcpus(virDomain *domain, _Out_ void **params, _Out_ uint *count, uint flags)',
  virDomainSetGuestVcpus: 'int virDomainSetGuestVcpus(virDomain *domain, const char *list, int state, uint flags)',
  virDomainAgentSetResponseTimeout: 'int virDomainAgentSetResponseTimeout(virDomain *domain, int seconds, uint flags)',
  virTypedParamsFree: 'void virTypedParamsFree(void *params, int count)',
  virDomainStartDirtyRateCalc: 'int virDomainStartDirtyRateCalc(virDomain *domain, int seconds, uint flags)',
  virDomainGetState: 'int virDomainGetState(virDomain *domain, _Out_ int *state, _Out_ int *reason, uint flags)',
  virDomainGetXMLDesc: 'void *virDomainGetXMLDesc(virDomain *domain, uint flags)',
  virDomainSuspend: 'int virDomainSuspend(virDomain *domain)',
  virDomainResume: 'int virDomainResume(virDomain *domain)',
  virDomainGetMetadata: 'void *virDomainGetMetadata(virDomain *domain, int type, const char *uri, uint flags)',
  virDomainFree: 'int virDomainFree(virDomain *domain)',
} as const

export type CallName = keyof typeof PROTOTYPES
/** Calls that ask nobody. */
export type LocalCallName = Extract<
  CallName,
  'virDomainGetName' | 'virDomainGetUUIDString' | 'virDomainGetID' | 'virDomainFree'
>

/** One open connection: calls on it run one after another, calls on several side by side. */
export interface Channel {
  /** Calls `hear` whenever a domain starts, stops, reboots, moves, or has another device or balloon. */
  listen(hear: () => void): Promise<void>
  /** The handle that calls on the connection itself take. */
  readonly handle: Handle
  /** Carries out one call on a thread of its own. @throws {LibvirtError} where libvirt refuses or does not answer. */
  call<Result>(name: CallName, ...args: readonly unknown[]): Promise<Result>
  /** The same connection for whoever has until then: what is called after that, or has not had its turn, is not asked. */
  during(signal: AbortSignal): Channel
  /** Calls at once what libvirt answers from its own memory (names and ids), in microseconds. @throws {LibvirtError} */
  now<Result>(name: LocalCallName, ...args: readonly unknown[]): Result
  /** Lets go of it, once, when what it was asked before is done. Nothing is called on it any more but to free. */
  close(): Promise<void>
}

export interface Library {
  /** @throws {LibvirtError} with libvirt's own words where the URI cannot be connected to. */
  open(uri: string): Promise<Channel>
  /** The bytes at a pointer: a view, valid for as long as libvirt keeps them there. */
  bytesAt(pointer: bigint, length: number): Buffer
  /** The address that an out parameter was given, or that bytes lie at. */
  addressOf(pointer: unknown): bigint
  /** Gives back what a call left to its caller, where libvirt has no call of its own for that. */
  free(pointer: unknown): void
  /** The text at a pointer, up to its end. */
  textAt(pointer: bigint): string
  /** Of the library itself, as libvirt writes it: 9000000 is 9.0.0. */
  readonly version: number
}

/** A connection whose call has not come back for so long is not asked for more: it would only wait, too. */
const STUCK_MS = 10_000
/** Connections are opened one after another, but none waits longer than this for one that hangs. */
const OPEN_TURN_MS = 1000
/** Calls that give back what was got: on a closed connection, too, which libvirt keeps until they are made. */
const FREES = /(Free|Clear)$/

let loaded: Promise<Library> | null = null

/** Loads the library once for the process. @throws {LibvirtMissing} with the package that has it. */
export function loadLibvirt(): Promise<Library> {
  loaded ??= load()
  return loaded
}

interface Said {
  readonly code: number
  readonly message: string
}

async function load(): Promise<Library> {
  const { default: koffi } = await import('koffi')
  let library: LibraryHandle
  try {
    library = koffi.load(SONAME)
  } catch (cause) {
    const remedy = 'install the package libvirt0 (Debian, Ubuntu) or libvirt-libs (Fedora)'
    throw new LibvirtMissing(`${SONAME} cannot be loaded: ${remedy}`, { cause })
  }
  koffi.opaque('virConnect')
  koffi.opaque('virDomain')
  const virError = koffi.struct('virError', { code: 'int', domain: 'int', message: 'const char *', level: 'int' })
  const Handler = koffi.pointer(koffi.proto('void reeveErrorHandler(void *data, virError *error)'))
  const functions = new Map<string, KoffiFunction>()
  // Looked up when it is first called: an older library lacks some.
  const functionOf = (name: CallName): KoffiFunction => {
    const called = functions.get(name) ?? library.func(PROTOTYPES[name])
    functions.set(name, called)
    return called
  }
  const setHandler = library.func('void virSetErrorFunc(void *data, reeveErrorHandler *handler)')
  const setConnectionHandler = library.func(
    'void virConnSetErrorFunc(virConnect *conn, void *data, reeveErrorHandler *handler)',
  )

  const events = eventLoop(koffi, library)

  // libvirt keeps its last error per thread, and calls run on threads that nobody sees again: it is handed over at
  // once. Each connection has a handler of its own; what is said before there is one goes to the library's.
  const listen = (hear: (said: Said) => void) =>
    koffi.register((_: unknown, error: unknown) => {
      const { code, message } = koffi.decode(error, virError) as { code: number; message: string | null }
      hear({ code, message: message ?? 'no reason given' })
    }, Handler)
  let saidByNobody: Said | null = null
  setHandler(
    null,
    listen((said) => {
      saidByNobody = said
    }),
  )
  library.func('int virInitialize()')()
  let opening: Promise<unknown> = Promise.resolve()
  /** One at a time, so that the reason of a failure is its own. */
  const openInTurn = (uri: string): Promise<Handle> => {
    const opened = inTime(opening, AbortSignal.timeout(OPEN_TURN_MS))
      .catch(() => {})
      .then(async () => {
        saidByNobody = null
        const handle = await asynchronously<Handle | null>(functionOf('virConnectOpen'), [uri])
        if (handle === null) throw errorOf('virConnectOpen', saidByNobody)
        return handle
      })
    opening = opened
    return opened
  }
  const version: [number] = [0]
  library.func('int virGetVersion(_Out_ ulong *version, const char *type, void *of)')(version, null, null)

  return {
    async open(uri) {
      const handle = await openInTurn(uri)
      let said: Said | null = null
      const listener = listen((one) => {
        said = one
      })
      setConnectionHandler(handle, null, listener)
      const queue = inTurn()
      const during = (signal: AbortSignal | null): Channel => ({
        handle,
        call: <Result>(name: CallName, ...args: readonly unknown[]): Promise<Result> =>
          queue.take(name, async () => {
            if (!FREES.test(name)) signal?.throwIfAborted()
            said = null
            const returned = await asynchronously<Result>(functionOf(name), args)
            if (hasFailed(returned)) throw errorOf(name, said)
            return returned
          }),
        during,
        now<Result>(name: LocalCallName, ...args: readonly unknown[]): Result {
          const returned = functionOf(name)(...args) as Result
          if (hasFailed(returned)) throw errorOf(name, said)
          return returned
        },
        listen: (hear) => queue.take('virConnectDomainEventRegisterAny', () => events.listen(handle, hear)),
        close: () =>
          queue.end('virConnectClose', async () => {
            try {
              await events.forget(handle)
              await asynchronously(functionOf('virConnectClose'), [handle])
            } finally {
              koffi.unregister(listener)
            }
          }),
      })
      return during(null)
    },
    bytesAt: (pointer, length) => Buffer.from(koffi.view(pointer, length)),
    addressOf: (pointer) => koffi.address(pointer),
    free: (pointer) => koffi.free(pointer),
    textAt: (pointer) => koffi.decode(pointer, 'char', -1) as string,
    version: version[0],
  }
}

function hasFailed(returned: unknown): boolean {
  return returned === null || (typeof returned === 'number' && returned < 0)
}

function errorOf(name: string, said: Said | null): LibvirtError {
  return new LibvirtError(name, said?.code ?? 0, said?.message ?? 'it failed without saying why')
}

/** Carries out one work after another; none is taken on behind one that does not end, or behind the end. */
function inTurn() {
  let end: Promise<void> | null = null
  let last: Promise<unknown> = Promise.resolve()
  let running: { readonly name: string; readonly sinceMs: number } | null = null

  function whyNot(name: string): string | null {
    if (end !== null && !FREES.test(name)) return 'not called, as the connection is closed'
    const waitedMs = running === null ? 0 : performance.now() - running.sinceMs
    if (waitedMs <= STUCK_MS) return null
    return `not called, as ${running?.name} has not come back for ${Math.round(waitedMs / 1000)} s`
  }

  function append<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const result = last.then(() => {
      running = { name, sinceMs: performance.now() }
      return work()
    })
    last = result
      .catch(() => undefined)
      .then(() => {
        running = null
      })
    return result
  }

  return {
    take<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
      const why = whyNot(name)
      return why === null ? append(name, work) : Promise.reject(new LibvirtError(name, 0, why))
    },
    /** The last work of all, and the same for whoever asks for it again; waits for as long as it takes. */
    end(name: string, work: () => Promise<void>): Promise<void> {
      end ??= append(name, work)
      return end
    },
  }
}

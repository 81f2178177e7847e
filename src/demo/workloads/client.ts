import { isDeepStrictEqual } from 'node:util'
import { createPrng, type Prng } from '#lib/prng.ts'
import { type Figures, Latencies, SlidingLatencies } from './latencies.ts'
import type { Address, Load, Window } from './link.ts'
import type { Transport } from './transport.ts'

/** A request without an answer after this long has missed any goal; its window is closed then. */
const PATIENCE_MS = 2000

const REFUSED_MS = 100

interface OpenWindow {
  readonly startMs: number
  offered: number
  answered: number
  arrived: number
  readonly latencies: Latencies
}

/** The clients of one service. */
export class Client {
  readonly #transport: Transport
  /** The same demo offers the same load. */
  readonly #arrivals: Prng
  readonly #windows = new Map<number, OpenWindow>()
  readonly #recent: SlidingLatencies
  #load: Load = { kind: 'none' }
  #underway = 0
  #nextMs = 0
  #timer: NodeJS.Timeout | undefined

  /** `ticksPerSecond`: how often `tick` will be called. */
  constructor(transport: Transport, seed: number, ticksPerSecond: number) {
    this.#transport = transport
    this.#recent = new SlidingLatencies(ticksPerSecond)
    this.#arrivals = createPrng(seed, 'arrivals')
  }

  setLoad(at: Address, load: Load): void {
    this.#transport.aim(at)
    // The same load goes on as it was: only what a request asks for has changed.
    if (isDeepStrictEqual(load, this.#load)) return
    this.#load = load
    clearTimeout(this.#timer)
    this.#nextMs = Date.now()
    if (load.kind === 'open') this.#sendDue()
    if (load.kind === 'pressing') this.#press()
  }

  /** Answers of the last second, as a monitor sees them; called once a tick. */
  tick(): Figures {
    return this.#recent.tick()
  }

  /** Windows that nothing can change any more; what was not answered in them counts as the longest wait. */
  closedWindows(nowMs: number): Window[] {
    const closed: Window[] = []
    for (const [startMs, window] of this.#windows) {
      if (startMs + 1000 + PATIENCE_MS > nowMs) continue
      this.#windows.delete(startMs)
      const { offered, answered, arrived, latencies } = window
      for (let missing = answered; missing < offered; missing++) latencies.add(PATIENCE_MS)
      closed.push({ startMs, offered, answered, throughput: arrived, p95Ms: latencies.take().p95 })
    }
    return closed
  }

  #sendDue(): void {
    if (this.#load.kind !== 'open') return
    const nowMs = Date.now()
    while (this.#nextMs <= nowMs) {
      this.#send(this.#nextMs)
      this.#nextMs += this.#arrivals.exponential(1000 / this.#load.perSecond)
    }
    this.#timer = setTimeout(() => this.#sendDue(), Math.max(1, this.#nextMs - nowMs))
  }

  #press(): void {
    while (this.#load.kind === 'pressing' && this.#underway < this.#load.outstanding) this.#send(Date.now())
  }

  #send(intendedMs: number): void {
    const window = this.#windowOf(intendedMs)
    window.offered++
    // A client that finds all connections busy is turned away, which is a miss.
    if (this.#underway >= this.#transport.most) return
    this.#underway++
    this.#transport.send(
      intendedMs,
      () => this.#answered(window, intendedMs),
      // A service that refuses is not asked again in the same instant, for ever.
      () => setTimeout(() => this.#ended(), REFUSED_MS),
    )
  }

  #answered(window: OpenWindow, intendedMs: number): void {
    const nowMs = Date.now()
    const latencyMs = nowMs - intendedMs
    this.#recent.add(latencyMs)
    this.#windowOf(nowMs).arrived++
    if (latencyMs <= PATIENCE_MS) {
      window.answered++
      window.latencies.add(latencyMs)
    }
    this.#ended()
  }

  #ended(): void {
    this.#underway--
    if (this.#load.kind === 'pressing') this.#press()
  }

  #windowOf(timeMs: number): OpenWindow {
    const startMs = Math.floor(timeMs / 1000) * 1000
    let window = this.#windows.get(startMs)
    if (window === undefined) {
      window = { startMs, offered: 0, answered: 0, arrived: 0, latencies: new Latencies() }
      this.#windows.set(startMs, window)
    }
    return window
  }
}

/** One life of the daemon, which may end at any of its steps: `kill -9` between two calls of its ways out. */
export class Life {
  /** Resolves when it has ended. */
  readonly ended: Promise<void>
  readonly #end: () => void
  #isOver = false
  #stepsLeft = Number.POSITIVE_INFINITY

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ended = promise
    this.#end = resolve
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** It ends after so many more steps. */
  endAfter(steps: number): void {
    this.#stepsLeft = Math.min(this.#stepsLeft, steps)
  }

  end(): void {
    this.#isOver = true
    this.#end()
  }

  /** What the daemon asks for: who is dead asks nothing, and hears no answer. */
  async wait<Result>(work: () => Promise<Result>): Promise<Result> {
    if (!this.#step()) return forever()
    try {
      const result = await work()
      return this.#step() ? result : forever()
    } catch (error) {
      if (this.#step()) throw error
      return forever()
    }
  }

  /** The same for what returns at once. The dead stop at their next waiting, until which nobody sees what they do. */
  now<Result>(work: () => Result): Result {
    if (!this.#step()) throw new Error('the daemon is dead')
    const result = work()
    if (!this.#step()) throw new Error('the daemon is dead')
    return result
  }

  #step(): boolean {
    if (!this.#isOver && this.#stepsLeft-- <= 0) this.end()
    return !this.#isOver
  }
}

function forever(): Promise<never> {
  return new Promise(() => {})
}

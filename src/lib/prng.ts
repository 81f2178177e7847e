/**
 * Pseudo-random numbers that are the same in every run. Each concern draws from a stream of its own, so that one more
 * draw in one of them (a fault, say) leaves all others as they were.
 */
export interface Prng {
  /** Uniform in [0, 1). */
  next(): number
  /** Exponentially distributed with this mean: the gaps of Poisson arrivals. */
  exponential(mean: number): number
  /** A whole number in [0, below). */
  integer(below: number): number
}

/**
 * A stream, told from others of the same seed by its name. The generator is sfc32 (Chris Doty-Humphrey, PractRand): 128
 * bits of state, passes BigCrush, and quick where only 32-bit integers are.
 */
export function createPrng(seed: number, stream: string): Prng {
  let a = hash(stream, 0x9e3779b9)
  let b = hash(stream, 0x243f6a88)
  let c = seed | 0
  let counter = 1
  const next = (): number => {
    const out = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + out
    return (out >>> 0) / 2 ** 32
  }
  // The state starts close to the seed: its author wants twelve rounds before the first number is used.
  for (let round = 0; round < 12; round++) next()
  return {
    next,
    exponential: (mean) => -mean * Math.log(1 - next()),
    integer: (below) => Math.floor(next() * below),
  }
}

/** FNV-1a over the UTF-16 units of the name. */
function hash(text: string, basis: number): number {
  let value = basis
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value
}

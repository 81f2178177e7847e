/**
 * Amounts as a forecast remembers them: a character each. A level is a quarter of an octave (19 %), counted from a
 * grain, and stands for its upper end, so that what is asked for by a level is never less than what was needed. The
 * difference of two levels is thus a relative error, whatever the size.
 *
 * Worked, with a grain of 10: 10 is level 1, 20 is 5, 1000 is 28 and asked for as 1076.
 */
export type Level = number

/** 2^(0/4) to 2^(3/4). Roots are the same on every machine, which powers of fractions need not be. */
const STEPS = [1, Math.sqrt(Math.SQRT2), Math.SQRT2, Math.SQRT2 * Math.sqrt(Math.SQRT2)] as const
/** 22 octaves: 40000 CPUs by 10 millicores, 4 TiB by MiB. */
const MOST = 88
/** An amount this close above a level's end is still of that level. */
const NEARLY = 1 + 1e-9
/** The first printable character behind the blank, which stands for what is not known. */
const FIRST = 33

export function levelOf(amount: number, grain: number): Level {
  if (!(amount > 0)) return 0
  let ratio = amount / grain
  let octaves = 0
  while (ratio > 2 * NEARLY && octaves < MOST) {
    ratio /= 2
    octaves++
  }
  const step = STEPS.findIndex((end) => ratio <= end * NEARLY)
  return Math.min(1 + 4 * octaves + (step < 0 ? 4 : step), MOST)
}

export function amountOf(level: Level, grain: number): number {
  if (level <= 0) return 0
  return grain * (STEPS[(level - 1) % 4] as number) * 2 ** Math.floor((level - 1) / 4)
}

export const written = (level: Level): string => String.fromCharCode(FIRST + level)

/** null where nothing is known. */
export function levelAt(text: string | undefined, index: number): Level | null {
  if (text === undefined || index < 0 || index >= text.length) return null
  const level = text.charCodeAt(index) - FIRST
  return level < 0 ? null : level
}

/** The text with one level written over, and blanks up to `length` where it was shorter. */
export function withLevel(text: string, index: number, level: Level, length: number): string {
  const whole = text.padEnd(length)
  return whole.slice(0, index) + written(level) + whole.slice(index + 1)
}

/** Halfway between what was expected and what came, upwards; what came where nothing was expected. */
export function blend(expected: Level | null, came: Level): Level {
  return expected === null ? came : Math.ceil((expected + came) / 2)
}

/** Whether that is so much more as to be worth forecasting: three levels, 41 to 68 %. Less is met as it comes. */
export function isRise(now: Level, expected: Level): boolean {
  return expected >= now + 3
}

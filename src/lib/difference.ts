/** One place in which two plain values differ. What one of them lacks is undefined. */
export interface Difference {
  /** `resources[0].rows[2].allocation`; empty where the values as a whole differ. */
  readonly path: string
  readonly one: unknown
  readonly other: unknown
}

/**
 * The first place in which two plain values (objects, arrays, numbers, text, booleans, null) differ, in the order of the
 * first one's keys; null where they are the same, numbers to the last bit: 0 is not -0. The order of keys is none of
 * their worth, and a key that is undefined is one that is absent.
 *
 * Worked: `{a: [1, 2]}` and `{a: [1, 3]}` differ at `a[1]`, where one has 2 and the other 3.
 */
export function firstDifference(one: unknown, other: unknown): Difference | null {
  const found = differenceOf(one, other)
  return found === null || !found.path.startsWith('.') ? found : { ...found, path: found.path.slice(1) }
}

type Plain = Readonly<Record<string, unknown>>

function differenceOf(one: unknown, other: unknown): Difference | null {
  if (Object.is(one, other)) return null
  if (Array.isArray(one) && Array.isArray(other)) return inArrays(one, other)
  if (isObject(one) && isObject(other)) return inObjects(one, other)
  return { path: '', one, other }
}

function inArrays(one: readonly unknown[], other: readonly unknown[]): Difference | null {
  const length = Math.max(one.length, other.length)
  for (let index = 0; index < length; index++) {
    const found = differenceOf(one[index], other[index])
    if (found !== null) return { ...found, path: `[${index}]${found.path}` }
  }
  return null
}

function inObjects(one: Plain, other: Plain): Difference | null {
  for (const key in one) {
    const found = differenceOf(one[key], other[key])
    if (found !== null) return { ...found, path: `${step(key)}${found.path}` }
  }
  for (const key in other) {
    if (one[key] === undefined && other[key] !== undefined) {
      return { path: step(key), one: undefined, other: other[key] }
    }
  }
  return null
}

function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Keys are names of domains and knobs too, which have dots and slashes in them. */
function step(key: string): string {
  return /^[A-Za-z_][\w-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

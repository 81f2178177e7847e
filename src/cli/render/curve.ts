import { bad } from './style.ts'

/** Eighths of a line's height. */
const BLOCKS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const

type Points = readonly (number | null)[]

/**
 * So many columns of a curve with more or as many points: each column is the mean of the points that fall on it, null
 * where none has a value. Worked: 1, 3, 5 and null in two columns are 2 and 5.
 */
export function fitted(points: Points, columns: number): Points {
  if (points.length <= columns) return points
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * points.length) / columns)
    const to = Math.floor(((column + 1) * points.length) / columns)
    const values = points.slice(from, to).filter((value) => value !== null)
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length
  })
}

/**
 * One row of block characters: full height for `most` and all above it, a line at the foot for anything above nothing, a
 * dot where there is no value.
 */
export function curve(points: Points, most: number, isBad: (value: number) => boolean = () => false): string {
  return points
    .map((value) => {
      if (value === null) return '·'
      const eighths = most > 0 ? Math.ceil((Math.min(value, most) * (BLOCKS.length - 1)) / most) : 0
      const block = BLOCKS[eighths] as string
      return isBad(value) ? bad(block) : block
    })
    .join('')
}

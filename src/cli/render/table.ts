import { stripVTControlCharacters } from 'node:util'

/** Columns as wide as their widest cell; the first row is the head. The last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, width(cell))
    })
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell + ' '.repeat((widths[i] as number) - width(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Colours take no room. */
function width(cell: string): number {
  return stripVTControlCharacters(cell).length
}

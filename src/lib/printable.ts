/** Control and format characters (which may turn text around), what is not assigned, ends of lines. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/gu
/** Enough for any name that a person gave. */
const NAME_MOST = 128

/**
 * Text that somebody else chose, as one may print it: on one line, bounded, without anything that a terminal obeys; `most` in
 * characters.
 * Example: a name with a line feed in it becomes `a\u{a}b`.
 */
export function printable(text: string, most = NAME_MOST): string {
  // A character takes two units at most.
  const characters = [...text.slice(0, 2 * most + 2)]
  const shown = characters.length > most ? [...characters.slice(0, most - 1), '…'] : characters
  return shown.join('').replace(HIDDEN, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

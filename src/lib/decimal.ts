const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/**
 * The number that a text writes in decimal, with or without an exponent; null for any other text, such as "", "NaN",
 * "12 ms" or "0x10". It may be infinite where the text asks for more than a double holds ("1e999").
 */
export function decimal(text: string): number | null {
  return DECIMAL.test(text) ? Number(text) : null
}

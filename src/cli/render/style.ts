import { styleText } from 'node:util'

/** Colours on a terminal only, and never against NO_COLOR: `styleText` looks at the stream. */
const paint = (format: Parameters<typeof styleText>[0]) => (text: string) =>
  styleText(format, text, { stream: process.stdout })

export const bold = paint('bold')
export const dim = paint('dim')
export const good = paint('green')
export const bad = paint('red')
export const attention = paint('yellow')

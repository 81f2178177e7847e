/**
 * Globs over names, as shells write them: `*` any run of characters, `?` any one, `[0-9]` one of a set, `[!0-9]` one
 * outside it. Names have no separators, so there is no `**`.
 */

export function isGlob(name: string): boolean {
  return /[*?[\]]/.test(name)
}

/** Two cursors and one point to come back to, so that no pattern takes more than length x length steps. */
export function globMatches(glob: string, name: string): boolean {
  const tokens = tokenize(glob)
  let token = 0
  let at = 0
  let starToken = -1
  let starAt = 0
  while (at < name.length) {
    const here = tokens[token]
    if (here === '*') {
      starToken = token++
      starAt = at
    } else if (here?.(name[at]!)) {
      token++
      at++
    } else if (starToken >= 0) {
      token = starToken + 1
      at = ++starAt
    } else return false
  }
  return tokens.slice(token).every((rest) => rest === '*')
}

type Token = '*' | ((character: string) => boolean)

function tokenize(glob: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < glob.length; at++) {
    const character = glob[at]!
    // A `]` right after the opening stands for itself, as in shells.
    const close = character === '[' ? glob.indexOf(']', at + (glob[at + 1] === '!' ? 3 : 2)) : -1
    if (character === '*') tokens.push('*')
    else if (character === '?') tokens.push(() => true)
    else if (close > 0) {
      tokens.push(oneOf(glob.slice(at + 1, close)))
      at = close
    } else tokens.push((other) => other === character)
  }
  return tokens
}

function oneOf(set: string): Token {
  const negated = set.startsWith('!')
  const members = negated ? set.slice(1) : set
  const contains = (character: string): boolean => {
    for (let at = 0; at < members.length; at++) {
      const isRange = members[at + 1] === '-' && at + 2 < members.length
      if (isRange) {
        if (members[at]! <= character && character <= members[at + 2]!) return true
        at += 2
      } else if (members[at] === character) return true
    }
    return false
  }
  return (character) => contains(character) !== negated
}

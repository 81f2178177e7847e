import { readFileSync } from 'node:fs'

/** An account as the password file has it. */
export interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

/** Finds an account by name, or by number where the name is one; null where there is none. */
export function findUser(name: string, passwd = readFileSync('/etc/passwd', 'utf8')): User | null {
  for (const line of passwd.split('\n')) {
    const [account, , uid, gid, , home] = line.split(':')
    if (account === undefined || uid === undefined || gid === undefined) continue
    if (account === name || uid === name)
      return { name: account, uid: Number(uid), gid: Number(gid), home: home ?? '/' }
  }
  return null
}

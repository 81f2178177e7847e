import type { BedGuest } from './vm.ts'

/** Where a guest keeps the id of the processes that load it. */
const PID_FILE = '/run/load'
/** It works and rests once in this time. */
const PERIOD_S = 0.5

/**
 * Makes a guest want this part of one CPU from now on, instead of what it wanted before: 1 for all that it can get, 0
 * for nothing. The work is done inside, so that nothing on the host has to keep it up.
 */
export async function setLoad(guest: BedGuest, part: number): Promise<void> {
  await guest.shell(`[ ! -e ${PID_FILE} ] || kill -9 -$(cat ${PID_FILE}); rm -f ${PID_FILE}`)
  if (part <= 0) return
  const spin = 'while :; do :; done'
  const onS = (part * PERIOD_S).toFixed(3)
  const offS = ((1 - part) * PERIOD_S).toFixed(3)
  const pulse = `${spin} & while :; do kill -CONT $!; sleep ${onS}; kill -STOP $!; sleep ${offS}; done`
  // A group of their own, in which all of them are found again.
  await guest.shell(`setsid sh -c '${part < 1 ? pulse : spin}' >/dev/null 2>&1 & echo $! >${PID_FILE}`)
}

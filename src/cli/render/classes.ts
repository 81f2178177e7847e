import type { ClassDecision } from '#core/model/decision.ts'

export type Classes = readonly ClassDecision[]

/** Where something was asked for or decided: in a class of goals, or after them all. */
export function placeText(priority: number, classes: Classes): string {
  return isAfterGoals(priority, classes) ? 'after all goals' : `at priority ${priority}`
}

export function upToText(priority: number, classes: Classes): string {
  return isAfterGoals(priority, classes) ? 'after all goals' : `up to priority ${priority}`
}

function isAfterGoals(priority: number, classes: Classes): boolean {
  return classes.find((its) => its.priority === priority)?.afterGoals === true
}

export function* checkGoals(..._: unknown[]): Iterable<import('./finding.ts').Finding> {}

export function* checkTree(..._: unknown[]): Iterable<import('./finding.ts').Finding> {}

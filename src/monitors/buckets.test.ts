import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultOf, quantileOf } from './buckets.ts'

const INF = Number.POSITIVE_INFINITY
const near = (got: number, expected: number) => assert.ok(Math.abs(got - expected) < 1e-12, `${got}`)

for (const [what, quantile, buckets, expected] of [
  [
    'inside a bucket',
    0.95,
    [
      [0.1, 50],
      [0.2, 100],
      [INF, 100],
    ],
    0.19,
  ],
  [
    'inside the first, which begins at 0',
    0.25,
    [
      [0.1, 50],
      [0.2, 100],
      [INF, 100],
    ],
    0.05,
  ],
  [
    'at a bound',
    0.5,
    [
      [0.1, 50],
      [0.2, 100],
      [INF, 100],
    ],
    0.1,
  ],
  [
    'beyond the last bound',
    0.95,
    [
      [0.1, 50],
      [0.2, 60],
      [INF, 100],
    ],
    0.2,
  ],
  [
    'past empty buckets',
    0.95,
    [
      [0.1, 0],
      [0.2, 0],
      [0.4, 10],
      [INF, 10],
    ],
    0.39,
  ],
  [
    'given in any order',
    0.95,
    [
      [INF, 100],
      [0.2, 100],
      [0.1, 50],
    ],
    0.19,
  ],
] as const)
  test(`a quantile ${what}`, () => near(quantileOf(quantile, new Map(buckets as never)), expected))

for (const [what, buckets, fault] of [
  [
    'cumulative counts',
    [
      [1, 5],
      [2, 5],
      [INF, 9],
    ],
    null,
  ],
  [
    'fewer in a wider bucket',
    [
      [1, 5],
      [2, 4],
      [INF, 9],
    ],
    'counts less in a wider bucket',
  ],
  [
    'no infinite bucket',
    [
      [1, 5],
      [2, 5],
    ],
    'has no bucket le="+Inf"',
  ],
  ['no finite bucket', [[INF, 5]], 'has no bucket with a finite bound'],
  [
    'a count that is no number',
    [
      [1, Number.NaN],
      [INF, 5],
    ],
    'counts less in a wider bucket',
  ],
] as const)
  test(`${what}: ${fault ?? 'a histogram'}`, () => assert.equal(faultOf(new Map(buckets as never)), fault))

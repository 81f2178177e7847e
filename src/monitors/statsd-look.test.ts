import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MetricSourcePolicy, StatsdPolicy } from '#core/model/policy.ts'
import { createClock } from '#daemon/clock.ts'
import type { Clock } from '#ports.ts'
import { handClock, pulled, until } from './pull.fixture.ts'
import { readStatsdLine } from './statsd-lines.ts'

type Test = Parameters<typeof pulled>[0]

const TIMER: StatsdPolicy = { kind: 'timer', quantile: 0.95, windowMs: 60_000, samplesLeast: 20 }

/** A UDP port that is free, taken while `taken` lasts. */
async function takePort() {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  return { port, free: async () => void (await Promise.all([once(socket, 'close'), socket.close()])) }
}

async function sender(t: Test) {
  const socket = createSocket('udp4')
  t.after(() => socket.close())
  return (port: number, text: string | Buffer) =>
    new Promise<void>((resolve, reject) =>
      socket.send(text, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error))),
    )
}

async function bucket(t: Test, take: StatsdPolicy, unit = 'ms', clock: Clock = createClock()) {
  const { port, free } = await takePort()
  await free()
  const its = pulled(t, { kind: 'statsd', port, bucket: 'shop.x', take }, { unit }, clock)
  const to = await sender(t)
  // The port opens with the first look.
  await sleep(30)
  return { ...its, port, send: (text: string | Buffer) => to(port, text) }
}

describe('a line of StatsD', () => {
  for (const [line, expected] of [
    ['a.b:12|g', { bucket: 'a.b', type: 'gauge', value: 12, isDelta: false, rate: 1 }],
    ['a:-3|g', { bucket: 'a', type: 'gauge', value: -3, isDelta: true, rate: 1 }],
    ['a:1|c|@0.1', { bucket: 'a', type: 'counter', value: 1, isDelta: false, rate: 0.1 }],
    ['a:0.5|ms', { bucket: 'a', type: 'timer', value: 0.5, isDelta: false, rate: 1 }],
  ] as const) {
    it(`${line} is read`, () => assert.deepEqual(readStatsdLine(line), expected))
  }
  for (const line of [
    ...['', 'a', ':1|g', 'a:1', 'a:|g', 'a:NaN|g', 'a:1|s', 'a:1|h', 'a:1|constructor', 'a:1|c|0.1', 'a:1|c|@0'],
    ...['a:1|c|@2', 'a:1|c|@x', 'a:1|c|#tag:1', 'a:1|c|@0.1|#tag', 'a:1:2|ms', 'a:1 |g'],
  ]) {
    it(`${JSON.stringify(line)} is none`, () => assert.ok('reason' in readStatsdLine(line)))
  }
})

describe('a bucket of StatsD', { concurrency: 4 }, () => {
  it('gives the last value of a gauge, as old as its arrival', async (t) => {
    const { send, value, reading, problem } = await bucket(t, { kind: 'gauge' })
    await send('shop.x:5|g\nother:9|g\nshop.x:7|g\n')
    await until(() => value() === 7)
    const takenAtMs = reading()?.takenAtMs
    await sleep(60)
    assert.equal(reading()?.takenAtMs, takenAtMs)
    await send('shop.x:+3|g')
    await until(() => value() === 10)
    await send('shop.x:-4|g')
    await until(() => value() === 6)
    await send('shop.x:NaN|g')
    await until(() => problem() !== null)
    await sleep(60)
    assert.notEqual(problem(), null, 'the value of before does not mend what came behind it')
  })

  it('gives the rate of a counter while something is sent', async (t) => {
    const clock = handClock()
    const { send, pull, metric } = await bucket(t, { kind: 'counter' }, 'requests/s', clock)
    const read = (name: string) => pull.latest().find((its) => its.metric === name)
    const marks = { ...metric.source, bucket: 'mark', take: { kind: 'gauge' } } as MetricSourcePolicy
    pull.start({ ...metric, name: 'mark', source: marks })
    let mark = 0
    /** What is sent has arrived once what is sent behind it has; then the time passes. */
    const after = async (elapsedMs: number, ...lines: string[]) => {
      for (const line of [...lines, `mark:${++mark}|g`]) await send(line)
      await until(() => read('mark')?.value === mark)
      clock.monotonicMs += elapsedMs
      await until(() => read('m')?.takenAtMs === clock.monotonicMs || lines.length === 0)
    }
    await after(2000, 'shop.x:5|c|@0.5', 'shop.x:40|c')
    assert.equal(read('m')?.value, 25)
    const { monotonicMs } = clock
    await after(1000)
    await sleep(30)
    assert.equal(read('m')?.takenAtMs, monotonicMs, 'who is silent is not idle')
    await after(1000, 'shop.x:0|c')
    assert.equal(read('m')?.value, 0)
  })

  it('gives a percentile of timers, once there are enough', async (t) => {
    const { send, value, problem } = await bucket(t, TIMER)
    for (let ms = 1; ms <= 19; ms++) await send(`shop.x:${ms}|ms`)
    await until(() => problem()?.startsWith('19 of the 20 samples') === true, problem)
    assert.equal(value(), undefined)
    await send('shop.x:20|ms')
    await until(() => value() === 19 && problem() === null, problem)
  })

  for (const [what, line, reason] of [
    ['of another type', 'shop.x:1|c', /is sent a counter, where the policy names a timer/],
    ['without a number', 'shop.x:NaN|ms', /has no number/],
    ['with a negative time', 'shop.x:-1|ms', /is sent -1, which is no timer/],
    ['with an endless time', 'shop.x:1e999|ms', /is sent Infinity/],
    ['that is cut off', 'shop.x:12|m', /none of the types/],
    ['with tags', 'shop.x:12|ms|#a:b', /more than a rate/],
  ] as const) {
    it(`takes no line ${what}, and the others all the same`, async (t) => {
      const { send, value, problem, told } = await bucket(t, { ...TIMER, samplesLeast: 1 })
      await send(`${line}\nshop.x:3|ms`)
      await until(() => problem() !== null && value() === 3, problem)
      assert.match(problem() ?? '', reason)
      await send('shop.x:4|ms')
      await until(() => value() === 4 && problem() === null, problem)
      assert.equal(told.length, 2)
    })
  }

  it('does not mind what arrives for others, or in no form at all', async (t) => {
    const { send, value, problem } = await bucket(t, { kind: 'gauge' })
    await send(Buffer.from([0, 255, 254, 10, 58]))
    await send('x'.repeat(60_000))
    await send('other:1|c|#tag\n')
    await send('shop.x:5|g')
    await until(() => value() === 5)
    assert.equal(problem(), null)
  })

  it('opens its port once that is free, and closes it with its last metric', async (t) => {
    const { port, free } = await takePort()
    const { pull, metric, problem, told } = pulled(t, {
      kind: 'statsd',
      port,
      bucket: 'a',
      take: { kind: 'gauge' },
    })
    const second = { ...metric, name: 'n', source: { ...metric.source, bucket: 'b' } as typeof metric.source }
    pull.start(second)
    await until(() => problem()?.includes(`UDP port ${port} of 127.0.0.1`) === true, problem)
    await free()
    await until(() => problem() === 'nothing has been sent to bucket a yet', problem)
    const send = await sender(t)
    await until(() => {
      void send(port, 'a:1|g\nb:2|g')
      return pull.latest().length === 2
    })
    // Either may come first.
    assert.deepEqual(
      new Map(pull.latest().map((its) => [its.metric, its.value])),
      new Map([
        [metric.name, 1],
        ['n', 2],
      ]),
    )
    assert.ok(told.length === 4, told.join('\n'))
    await pull.keepOnly([second])
    await until(() => {
      void send(port, 'b:3|g')
      return pull.latest().some(({ value }) => value === 3)
    })
    await pull.keepOnly([])
    const again = createSocket('udp4').bind(port, '127.0.0.1')
    await once(again, 'listening')
    again.close()
  })
})

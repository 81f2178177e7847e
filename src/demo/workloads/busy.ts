/** A thread that keeps one CPU busy until it is terminated. */
import { parentPort } from 'node:worker_threads'
import { burn } from './burn.ts'

parentPort?.postMessage('busy')
for (;;) burn(1000)

// Prints what was observed of a running rebuild with a day's samples of its progress, faster by day than by night.
import { readFileSync } from 'node:fs'

const observed = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const { at, world } = observed.observed
const [{ percent, of }] = world.admin.rebuild
world.journal.samples = Array.from({ length: 25 }, (_, hour) => ({
  ...of,
  at: new Date(Date.parse(at) - (24 - hour) * 3600e3).toISOString(),
  percent: percent * (hour + Math.sin(hour / 4)) / (24 + Math.sin(6)),
}))
console.log(JSON.stringify(observed))

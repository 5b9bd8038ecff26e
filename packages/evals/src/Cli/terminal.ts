/** What is told a person while and after a run; nothing but words where there is no terminal. */
import { Effect } from "effect"
import { SingleBar } from "cli-progress"
import pc from "picocolors"
import type { Progress, Step } from "../Run/Progress.ts"

/** Whether somebody is there to ask. */
export const isInteractive = (): boolean => process.stdin.isTTY === true && process.stdout.isTTY === true

/** Standard error, so that what is printed at the end can be piped on. */
const say = (line: string): void => void process.stderr.write(`${line}\n`)

interface Count {
  readonly phase: string
  readonly total: number
  done: number
  errors: number
  cached: number
}

const aside = ({ cached, errors }: Count): string =>
  [...(cached > 0 ? [`${cached} from the cache`] : []), ...(errors > 0 ? [`${errors} failed`] : [])].join(", ")

const lines = (): Progress => {
  let count: Count | undefined
  let told = -1
  const tell = (count: Count) => {
    // A line for each tenth, however many there are.
    const tenth = Math.floor((10 * count.done) / count.total)
    if (tenth === told) return
    told = tenth
    const more = aside(count)
    say(`${count.phase}: ${count.done} of ${count.total}${more === "" ? "" : ` (${more})`}`)
  }
  return service(
    (phase, total) => {
      count = { phase, total, done: 0, errors: 0, cached: 0 }
      told = -1
      tell(count)
    },
    ({ isCached, isError }) => {
      if (count === undefined) return
      count.done++
      if (isError) count.errors++
      if (isCached) count.cached++
      tell(count)
    },
    () => undefined
  )
}

const bars = (): Progress => {
  let bar: SingleBar | undefined
  let count: Count | undefined
  return service(
    (phase, total) => {
      count = { phase, total, done: 0, errors: 0, cached: 0 }
      bar = new SingleBar({
        format: `${phase.padEnd(15)} ${pc.cyan("{bar}")} {value}/{total}  {duration_formatted}, {eta_formatted} left  {aside}`,
        barCompleteChar: "█",
        barIncompleteChar: "░",
        barsize: 30,
        // The run ends it, however that ends.
        gracefulExit: false
      })
      bar.start(total, 0, { aside: "" })
    },
    ({ isCached, isError }) => {
      if (count === undefined) return
      count.done++
      if (isError) count.errors++
      if (isCached) count.cached++
      const more = aside(count)
      bar?.update(count.done, { aside: count.errors > 0 ? pc.yellow(more) : pc.dim(more) })
    },
    () => bar?.stop()
  )
}

const service = (
  begin: (phase: string, total: number) => void,
  step: (step: Step) => void,
  end: () => void
): Progress => ({
  begin: (phase, total) => Effect.sync(() => begin(phase, total)),
  step: (taken) => Effect.sync(() => step(taken)),
  end: Effect.sync(end)
})

export const progress = (): Progress => (process.stderr.isTTY === true ? bars() : lines())

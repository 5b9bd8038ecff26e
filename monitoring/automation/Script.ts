/** What all scripts have in common: flags, how they end, and what they print. */
import { Console, Effect, Predicate, Runtime, Schema, type Option } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import * as Day from "./Day.ts"
import { type Colour, Paint, plain } from "./Paint.ts"

/** From good to bad. */
export const states = ["ok", "warning", "critical"] as const
export type State = (typeof states)[number]
export const State = Schema.Literals(states)

/** What the process ends with. */
export const exitCodes = {
  ok: 0,
  /** There is something to know: a warning, a finding, a difference. */
  warning: 1,
  /** There is something to do, now. */
  critical: 2,
  /** It has not done its work: wrong flags, wrong settings, or a fault of its own. */
  unusable: 3
} as const

export const worst = (found: ReadonlyArray<State>): State => states.findLast((state) => found.includes(state)) ?? "ok"

export const colourOf: Readonly<Record<State, Colour>> = { ok: "green", warning: "yellow", critical: "red" }

/** What each script is told. */
export interface Common {
  /** Print JSON and nothing else. */
  readonly json: boolean
  /** Leave everything as it is: write no file, send nothing. */
  readonly dryRun: boolean
  readonly date: Option.Option<Day.Day>
}

/** What a script comes to. */
export interface Outcome {
  readonly state: State
  /** One line, for the summary of the suite. */
  readonly summary: string
  /** For people, on standard output. */
  readonly text: string
  /** The same for programs, encoded by the script's own Schema. */
  readonly json: unknown
}

export class Ended extends Schema.TaggedError<Ended>()("Ended", { state: State }) {
  override readonly [Runtime.errorExitCode] = exitCodes[this.state]
  override get message() {
    return ""
  }
}

const common = {
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print JSON instead of text"), Flag.withDefault(false)),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Write no file and send nothing; only say what would be"),
    Flag.withDefault(false)
  )
}

/** The flags that all scripts have; each says what its `--date` means. */
export const flags = (date: string) => ({ ...common, date: Flag.withDescription(Day.flag, `${date} (UTC)`) })

/** A flag that takes a whole number. */
export const whole = (name: string, minimum: number, maximum: number, unit: string) =>
  Flag.String(name).pipe(
    Flag.mapEffect((value) => {
      const number = Number(value)
      return /^\d+$/u.test(value) && number >= minimum && number <= maximum
        ? Effect.succeed(number)
        : Effect.fail(
            new CliError.InvalidValue({
              option: name,
              value,
              expected: `${minimum} to ${maximum} ${unit}`,
              kind: "flag"
            })
          )
    })
  )

/** A report as it may be shown to people: what others have written into it steers no terminal. */
export const shown = <A>(schema: Schema.Codec<A, unknown>, report: A): A =>
  Schema.decodeUnknownSync(Schema.fromJsonString(schema))(
    JSON.stringify(Schema.encodeSync(schema)(report), (_, value: unknown) =>
      Predicate.isString(value) ? plain(value) : value
    )
  )

/** Prints what a script came to, and ends with its exit code. */
export const conclude = Effect.fnUntraced(function* ({ json, state, text }: Outcome, isJson: boolean) {
  yield* Console.log(isJson ? JSON.stringify(json, null, 2) : text)
  if (state !== "ok") return yield* new Ended({ state })
})

/** A subcommand: what it says of itself, its flags (with those of `flags`), and what it does. */
export const command = <Name extends string, const Flags extends Command.Command.Config, E, R>(
  name: Name,
  options: {
    readonly description: string
    readonly flags: Flags
    readonly isJson: (input: Command.Command.Config.Infer<Flags>) => boolean
    readonly run: (input: Command.Command.Config.Infer<Flags>) => Effect.Effect<Outcome, E, R>
  }
) =>
  Command.make(name, options.flags, (input) =>
    Effect.flatMap(options.run(input), (outcome) => conclude(outcome, options.isJson(input)))
  ).pipe(Command.withDescription(options.description))

/** The word for a state, in its colour. */
export const painted = (state: State) => Effect.map(Paint, ({ paint }) => paint(colourOf[state], state))

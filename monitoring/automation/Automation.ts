/** The program: its scripts, and how it ends. */
import { Cause, Console, Effect, type FileSystem, Layer, Predicate, Runtime, Schema } from "effect"
import { CliError, CliOutput, Command } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import { backup } from "./backup/command.ts"
import { costs } from "./costs/command.ts"
import { daily } from "./daily/command.ts"
import { health } from "./health/command.ts"
import { Paint, printable } from "./Paint.ts"
import { Prometheus } from "./Prometheus.ts"
import { exitCodes } from "./Script.ts"
import { suite } from "./suite/command.ts"

const services = Layer.mergeAll(Prometheus.layer, Paint.layer).pipe(Layer.provideMerge(FetchHttpClient.layer))

const automation = <E>(settings: Layer.Layer<never, E, FileSystem.FileSystem>) =>
  Command.make("monitoring:automation").pipe(
    Command.withDescription(
      "What is done every day, and what is asked first when something is wrong. Reads Prometheus and the database and changes neither. Exit codes: 0 all is well, 1 a warning or a finding, 2 critical, 3 it could not do its work. monitoring/AUTOMATION_GUIDE.md has more."
    ),
    Command.withSubcommands([health, costs, daily, backup, suite]),
    // Not around all of it: what is wrong with settings must not be in the way of --help.
    Command.provide(Layer.provideMerge(services, settings))
  )

/** What was wrong with the command line comes first, and without the whole help; nothing of it is for a program that reads JSON. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Console.error(
          [
            ...event.errors.map(({ message }) => printable(message)),
            `\nnpm run --silent monitoring:automation -- ${[...event.commandPath.slice(1), "--help"].join(" ")} says what it takes.`
          ].join("\n")
        )
      : CliOutput.defaultPresenter.present(event)
}

class Unusable extends Schema.TaggedError<Unusable>()("Unusable", {}) {
  override readonly [Runtime.errorExitCode] = exitCodes.unusable
}

/** Errors of ours say what to do; a stack is for what nobody thought of. */
const explain = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const isOurs = error instanceof Error && Predicate.hasProperty(error, "_tag") && error.message !== ""
  return printable(isOurs ? error.message : Cause.pretty(cause))
}

const ended = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  if (Cause.hasInterruptsOnly(cause) || Predicate.isTagged(error, "Ended")) return Effect.failCause(cause)
  // The command line has told what was wrong with it.
  if (CliError.isCliError(error) && error._tag === "ShowHelp") {
    return error.errors.length === 0 ? Effect.void : Effect.fail(new Unusable())
  }
  return Effect.andThen(Console.error(explain(cause)), Effect.fail(new Unusable()))
}

/** Runs what these arguments say, with what else there is of settings. Its failures have the exit code, and were told. */
export const run = <E = never>(
  args: ReadonlyArray<string>,
  settings: Layer.Layer<never, E, FileSystem.FileSystem> = Layer.empty
) =>
  Command.runWith(automation(settings), { version: "0.1.0" })(args).pipe(
    Effect.catchCause(ended),
    Effect.provideService(CliOutput.Presenter, presenter)
  )

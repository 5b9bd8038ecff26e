import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { mkdir, realpath } from "node:fs/promises"
import { resolve } from "node:path"
import { EmbeddedPostgresError, attempt } from "./EmbeddedPostgresError.ts"
import { type Attachment, type Options as AttachOptions, attach } from "./KeeperClient.ts"
import { paths } from "./KeeperProtocol.ts"

/**
 * For development and tests: a PostgreSQL that came with `npm install`, shared by all processes which use the same
 * data directory.
 */
export interface Options {
  /**
   * Made when missing. Holds the data, or (as root, in a folder others cannot enter) a link to them, and the log
   * `postgres.log`.
   */
  readonly dataDir: string
  /**
   * `false` gives up the data at a power cut, for speed: tests. The first process to use the data decides. Default
   * `true`.
   */
  readonly durable?: boolean
  /**
   * How long PostgreSQL stays up after its last user has gone, so that a hot reload does not restart it. Default 10
   * seconds. With 0, the scope of the last user closes when PostgreSQL has stopped, so that the data directory can be
   * removed then.
   */
  readonly linger?: Duration.Input
}

export interface EmbeddedPostgres {
  readonly url: Redacted.Redacted
  /** Where PostgreSQL really has its files. */
  readonly dataDir: string
  /** Whether this process started it; else it was running. */
  readonly started: boolean
}

/**
 * A running PostgreSQL, in use until the scope closes or this process dies, however it dies. Should it be killed
 * meanwhile it is started again, under the same URL. Fails with an `EmbeddedPostgresError` for the person at the
 * terminal.
 */
export const acquire = Effect.fn("EmbeddedPostgres.acquire")(function* (
  options: Options
): Effect.fn.Return<EmbeddedPostgres, EmbeddedPostgresError, Scope.Scope> {
  const wanted = resolve(options.dataDir)
  const explain = Effect.mapError(
    (error: EmbeddedPostgresError) => new EmbeddedPostgresError({ message: explanation(error.message, wanted) })
  )
  const dataDir = yield* attempt(`cannot make the data directory`, async () => {
    await mkdir(wanted, { recursive: true })
    return realpath(wanted)
  }).pipe(explain)
  const lingerMillis = Math.min(
    Duration.toMillis(Duration.fromInputUnsafe(options.linger ?? "10 seconds")),
    longestTimerMillis
  )
  const first = yield* Deferred.make<Attachment, EmbeddedPostgresError>()
  yield* Effect.forkScoped(stayAttached({ dataDir, durable: options.durable ?? true, lingerMillis }, first))
  const { cluster, started, url } = yield* Deferred.await(first).pipe(explain)
  return { url: Redacted.make(url), dataDir: cluster, started }
})

/** What setTimeout can count to, 24 days. */
const longestTimerMillis = 2 ** 31 - 1

/** Attaches, and attaches again whenever the keeper is gone, which brings the keeper and PostgreSQL back. */
const stayAttached = Effect.fnUntraced(function* (
  options: AttachOptions,
  first: Deferred.Deferred<Attachment, EmbeddedPostgresError>
) {
  const initial = yield* holdOnce(attach(options).pipe(Effect.onExit((exit) => Deferred.done(first, exit))))
  yield* Effect.logWarning("The embedded PostgreSQL was killed; starting it again")
  const attachAgain = attach(options).pipe(
    Effect.retry({ schedule: Schedule.exponential("200 millis"), times: 5 }),
    Effect.tap((attachment) =>
      attachment.url === initial.url
        ? Effect.logWarning("The embedded PostgreSQL is back")
        : Effect.logError("The embedded PostgreSQL is back under another URL: restart this process")
    )
  )
  yield* Effect.forever(holdOnce(attachAgain)).pipe(
    Effect.catch((error) =>
      Effect.logError(`The embedded PostgreSQL does not come back. ${explanation(error.message, options.dataDir)}`)
    )
  )
})

const holdOnce = <E, R>(attached: Effect.Effect<Attachment, E, R>) =>
  attached.pipe(
    Effect.tap(({ gone }) => gone),
    Effect.scoped
  )

const explanation = (message: string, dataDir: string): string =>
  [
    `The embedded PostgreSQL cannot be used: ${message}`,
    `Its data directory is ${dataDir}, its log ${paths(dataDir).log}.`,
    "To use a PostgreSQL of your own instead, set POSTGRES_URL=postgresql://user:password@host:5432/database."
  ].join("\n")

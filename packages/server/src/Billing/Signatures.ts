/** Whether a body comes from Stripe, as it is and just now. */
import { InvalidSignature } from "@parley/domain/Billing"
import { Clock, Effect, Redacted } from "effect"

/** Stripe's own: what is older may be a recording. */
const toleranceSeconds = 300

/** Whoever changes a byte order mark, or bytes that are no UTF-8, changes the text: one text has one signature. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const refused = new InvalidSignature({ detail: "Invalid or expired signature" })

/** A warning is an event of security. The request's id and its client's address come with the request. */
const audit = (outcome: "missing" | "invalid" | "expired" | "no_text") =>
  Effect.logWarning(`billing signature ${outcome}`).pipe(Effect.annotateLogs({ event: "billing.signature", outcome }))

/**
 * The text of a body that was signed with the secret, in this time. Stripe signs with the old secret and the new one
 * while it is changed, so one secret is enough here.
 */
export const make = Effect.fnUntraced(function* (secret: Redacted.Redacted) {
  // It takes a third of a second and 32 MiB to load, so that only who uses it does, beside the boot.
  const loaded = yield* Effect.cached(
    Effect.map(
      Effect.promise(() => import("stripe")),
      ({ Stripe }) => Stripe.webhooks.signature
    )
  )
  yield* Effect.forkScoped(loaded)

  const refuse = (outcome: Parameters<typeof audit>[0]) => Effect.andThen(audit(outcome), refused)

  /** The body is not asked for when there is no signature. */
  return Effect.fn("Signatures.verify")(function* <E>(
    header: string | undefined,
    body: Effect.Effect<Uint8Array, E>
  ): Effect.fn.Return<string, InvalidSignature | E> {
    if (header === undefined || header === "") {
      yield* audit("missing")
      return yield* new InvalidSignature({ detail: "Missing signature" })
    }
    const bytes = yield* body
    const text = yield* Effect.try({ try: () => utf8.decode(bytes), catch: () => "no_text" as const }).pipe(
      Effect.catch(refuse)
    )
    const [signature, now] = yield* Effect.all([loaded, Clock.currentTimeMillis])
    yield* Effect.try({
      try: () => signature?.verifyHeader(text, header, Redacted.value(secret), toleranceSeconds, undefined, now),
      // Stripe checks the signature before its age: only its own events are ever too old.
      catch: (error) => (String(error).includes("outside the tolerance") ? ("expired" as const) : ("invalid" as const))
    }).pipe(
      Effect.filterOrFail(
        (isGood) => isGood === true,
        () => "invalid" as const
      ),
      Effect.catch(refuse)
    )
    return text
  })
})

/**
 * What Langfuse is told of a span besides what every tracing system is told. Nobody listens unless Langfuse is
 * configured; then what is given here as a function is called, or not, if texts are to be kept out of it.
 */
import { Context, Effect, type Tracer } from "effect"

export interface Observation {
  readonly type: "agent" | "generation" | "span" | "tool"
  /** What was said. Only this and `output` may hold it. */
  readonly input?: () => unknown
  readonly output?: () => unknown
  readonly model?: string
  readonly modelParameters?: Readonly<Record<string, string | number>>
  readonly usage?: Readonly<Record<string, number>>
  readonly costEur?: number
  /** When the first token came. */
  readonly firstTokenMillis?: number
}

/** Of the whole trace. */
export interface TraceFacts {
  readonly name: string
  readonly tags: ReadonlyArray<string>
  readonly input?: () => unknown
  readonly output?: () => unknown
}

export interface Listener {
  readonly observed: (observation: Observation) => Readonly<Record<string, unknown>>
  readonly traced: (facts: Partial<TraceFacts>) => Readonly<Record<string, unknown>>
}

export const Listener = Context.Reference<Listener | undefined>("@parley/server/Telemetry/Observations", {
  defaultValue: () => undefined
})

export const annotate = (span: Tracer.Span, attributes: Readonly<Record<string, unknown>>): void => {
  for (const name in attributes) if (attributes[name] !== undefined) span.attribute(name, attributes[name])
}

/** Of the span this is in; `attributes` are for every tracing system. */
export const observe = (
  observation: () => Observation,
  attributes: Readonly<Record<string, unknown>> = {}
): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const { span } = fiber.cache
    if (span?._tag !== "Span" || !span.sampled) return Effect.void
    annotate(span, attributes)
    const listener = fiber.getRef(Listener)
    if (listener !== undefined) annotate(span, listener.observed(observation()))
    return Effect.void
  })

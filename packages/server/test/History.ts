/** What clients of one session did and were told, and whether what is stored agrees with it. */
import { answerTo, failureOf, type Plan } from "./ScriptedModel.ts"

/** Moments are counted, not measured: of two events the later one has the higher number. */
interface Span {
  readonly began: number
  /** Infinity, when the client does not know. */
  readonly ended: number
}

export type Heard =
  | { readonly _tag: "Answered"; readonly id: string; readonly content: string }
  | { readonly _tag: "Failed"; readonly status: number; readonly detail: string }
  /** The client left: the turn may have been taken, and may still be. */
  | { readonly _tag: "Unheard" }

export interface Turn extends Span {
  readonly id: string
  readonly content: string
  readonly heard: Heard
}

export interface Intervention extends Span {
  readonly kind: "cancel" | "clear" | "delete"
  readonly status: number
}

export interface History {
  readonly turns: Array<Turn>
  readonly interventions: Array<Intervention>
}

export interface Stored {
  /** None when the session is not there. */
  readonly isLeased: boolean | undefined
  readonly messages: ReadonlyArray<{ readonly id: string; readonly role: string; readonly content: string }>
  readonly usage: ReadonlyArray<{
    readonly message_id: string | null
    readonly input_tokens: number
    readonly estimated: boolean
  }>
  /** Rows of the agent's memory. */
  readonly remembered: number
}

/** Whether the turn was stored before the database went is not known to who is told this. */
const outage = "Service temporarily unavailable"

const overlaps = (a: Span, b: Span) => a.began < b.ended && b.began < a.ended

const isErasure = ({ kind }: Intervention) => kind !== "cancel"
/** Refused means that nothing was done; when the database was away, nobody knows. */
const mayHaveHappened = ({ status }: Intervention) => status < 300 || status >= 500

/** Everything that should not be, in words. `mayFail`: the database was away at times, and leases ran out. */
export const violations = (
  history: History,
  plans: ReadonlyMap<string, Plan>,
  stored: Stored,
  mayFail: boolean
): ReadonlyArray<string> => [
  ...history.turns.flatMap((turn) => misanswered(turn, history, plans, mayFail)),
  ...history.interventions.flatMap((intervention) => (mayFail ? [] : ineffective(intervention, history))),
  ...wronglyPaired(history, stored),
  ...lostOrRestored(history, stored),
  ...outOfOrder(history, stored),
  ...misaccounted(plans, stored),
  ...(stored.isLeased === true ? ["the session is still leased"] : []),
  ...(stored.isLeased === undefined && stored.messages.length + stored.remembered > 0
    ? ["a deleted session left something behind"]
    : [])
]

/** An answer belongs to its question, and an error has its reason. */
const misanswered = (
  turn: Turn,
  { interventions, turns }: History,
  plans: ReadonlyMap<string, Plan>,
  mayFail: boolean
): ReadonlyArray<string> => {
  const { content, heard, id } = turn
  if (heard._tag === "Unheard") return []
  if (heard._tag === "Answered") {
    return heard.content === answerTo(content) ? [] : [`${content} was answered: ${heard.content}`]
  }
  const others = turns.filter((other) => other !== turn)
  const meanwhile = interventions.filter((one) => mayHaveHappened(one) && overlaps(one, turn))
  const reasons: Readonly<Record<string, boolean>> = {
    // Or the message had an answer, which was erased before it could be read.
    "A turn is already running in this session":
      mayFail || others.some((other) => overlaps(other, turn) || (other.id === id && meanwhile.some(isErasure))),
    "The turn was cancelled": meanwhile.length > 0 || (mayFail && others.some((other) => overlaps(other, turn))),
    "This message_id was already used with other content": others.some(
      (other) => other.id === id && other.content !== content && other.began < turn.ended
    ),
    "Session not found": interventions.some((one) => one.kind === "delete" && one.began < turn.ended),
    [outage]: mayFail
  }
  const isExplained =
    (reasons[heard.detail] ?? false) || heard.detail === failureOf[plans.get(content)?.fate ?? "answer"]
  return isExplained ? [] : [`${content} failed without reason: ${heard.status} ${heard.detail}`]
}

/** Whoever was told that a turn was cancelled has ended one, or freed a session of a lease that nobody could give back. */
const ineffective = (intervention: Intervention, { turns }: History): ReadonlyArray<string> =>
  intervention.kind !== "cancel" ||
  intervention.status !== 202 ||
  turns.some((turn) => turn.heard._tag !== "Answered" && overlaps(turn, intervention))
    ? []
    : ["a cancellation ended nothing"]

/** Questions and answers take turns, and every pair is one that somebody asked for and was not told had failed. */
const wronglyPaired = ({ turns }: History, { messages }: Stored): ReadonlyArray<string> =>
  messages.flatMap((message, index) => {
    const isQuestion = index % 2 === 0
    if (message.role !== (isQuestion ? "user" : "assistant")) return [`message ${index} is of the ${message.role}`]
    const before = messages[index - 1]
    if (!isQuestion)
      return message.content === answerTo(before?.content ?? "") ? [] : [`wrong answer: ${message.content}`]
    if (messages[index + 1] === undefined) return [`${message.content} has no answer`]
    const asked = turns.filter(({ content, id }) => id === message.id && content === message.content)
    return asked.some(({ heard }) => heard._tag !== "Failed" || heard.detail === outage)
      ? []
      : [`${message.content} was stored though it failed`]
  })

/** What was answered is there, if nobody erased it meanwhile or later; what was erased stays away. */
const lostOrRestored = (history: History, stored: Stored): ReadonlyArray<string> =>
  history.turns.flatMap((turn) => {
    const { content, heard, id } = turn
    const erasures = history.interventions.filter((one) => isErasure(one) && mayHaveHappened(one))
    const index = stored.messages.findIndex((message) => message.id === id)
    if (heard._tag === "Answered" && !erasures.some((erasure) => erasure.ended > turn.began)) {
      const isThere = stored.messages[index]?.content === content && stored.messages[index + 1]?.id === heard.id
      return isThere ? [] : [`the answer to ${content} was lost`]
    }
    const lastHeard = Math.max(...history.turns.filter((other) => other.id === id).map(({ ended }) => ended))
    const isErased = erasures.some(({ began, status }) => status === 204 && began > lastHeard)
    return isErased && index >= 0 ? [`${content} is there again`] : []
  })

/** A turn that had ended before another was asked for stands before it. */
const outOfOrder = ({ turns }: History, { messages }: Stored): ReadonlyArray<string> => {
  const spans = messages
    .filter(({ role }) => role === "user")
    .map(({ content, id }) => {
      const asked = turns.filter((turn) => turn.id === id)
      return {
        content,
        began: Math.min(...asked.map(({ began }) => began)),
        ended: Math.max(...asked.map(({ ended }) => ended))
      }
    })
  return spans.flatMap((later, index) =>
    spans
      .slice(0, index)
      .flatMap((earlier) => (later.ended < earlier.began ? [`${later.content} stands after ${earlier.content}`] : []))
  )
}

/** What a stored answer took is accounted with it, once for each call of the model, and no call is accounted twice. */
const misaccounted = (plans: ReadonlyMap<string, Plan>, { messages, usage }: Stored): ReadonlyArray<string> => {
  const ofTokens = new Map([...plans].map(([content, plan]) => [plan.tokens, { content, plan }]))
  const unpaid = messages.flatMap((message, index) => {
    if (message.role !== "assistant") return []
    const content = messages[index - 1]?.content ?? ""
    const rows = usage.filter((row) => row.message_id === message.id && row.input_tokens > 0)
    const isRight = rows.every((row) => !row.estimated && ofTokens.get(row.input_tokens)?.content === content)
    const most = plans.get(content)?.fate === "malformed tool call" ? 2 : 1
    return isRight && rows.length >= 1 && rows.length <= most
      ? []
      : [`the usage of ${content} is ${JSON.stringify(rows)}`]
  })
  const twice = [...ofTokens].flatMap(([tokens, { content, plan }]) => {
    const counted = usage.filter((row) => row.input_tokens === tokens && !row.estimated).length
    return counted <= plan.answers ? [] : [`${content} was accounted ${counted} times for ${plan.answers} answers`]
  })
  return [...unpaid, ...twice]
}

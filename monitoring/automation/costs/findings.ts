/** What could be paid less for: pure, of what was read. Each in euros a month, with what that takes for granted. */
import { Schema } from "effect"
import { formatted } from "../../charts/units.ts"
import * as CostsRepo from "./CostsRepo.ts"
import { cheaper, listed, type Prices } from "./prices.ts"

export const Finding = Schema.Struct({
  kind: Schema.Literals([
    "retry_storm",
    "failed_turns",
    "retried_calls",
    "long_contexts",
    "cheaper_model",
    "users_over_limit",
    "users_over_target"
  ]),
  eurPerMonth: Schema.Finite,
  what: Schema.String,
  assumption: Schema.String,
  todo: Schema.String
})
export type Finding = typeof Finding.Type

export interface Facts {
  readonly usage: CostsRepo.Usage
  readonly users: CostsRepo.Users
  readonly prices: Prices | undefined
  /** Of the window, as Prometheus has it. */
  readonly retriedEur: number | undefined
}

/** Below a cent a month nobody does anything. */
const leastEur = 0.01
/** A median of fewer turns says nothing. */
const leastTurns = 20

const count = (value: number, one: string, many = `${one}s`) =>
  `${formatted(value, "short", 0)} ${value === 1 ? one : many}`
const eur = (value: number) => formatted(value, "currencyEUR", 2)
/** Calls cost fractions of a cent. */
export const small = (value: number) => formatted(value, "currencyEUR", value !== 0 && Math.abs(value) < 1 ? 4 : 2)

/** The dearest first. */
export const of = (facts: Facts): ReadonlyArray<Finding> => {
  const { retriedEur, usage, users } = facts
  const { failed } = usage
  const month = (euros: number) => euros * users.monthFactor
  const found: ReadonlyArray<Finding> = [
    {
      kind: "retry_storm",
      eurPerMonth: month(failed.stormEur),
      what: `${count(failed.stormTurns, "turn")} of ${count(failed.stormSessions, "session")} failed, ${CostsRepo.stormTurns} or more of a session within an hour, and were paid for`,
      assumption: "None of these turns would have been asked again and again, and the month goes on like this",
      todo: "Find the client that repeats without a pause: it should wait longer each time, and heed Retry-After"
    },
    {
      kind: "failed_turns",
      eurPerMonth: month(failed.costEur - failed.stormEur),
      what: `${count(failed.turns - failed.stormTurns, "turn")} left no answer (failed or cancelled) and were paid for`,
      assumption: "All of them would have been answered, or ended before they cost anything; storms are not among them",
      todo: "See under Performance with what models fail, and whether people wait too long and leave"
    },
    {
      kind: "retried_calls",
      eurPerMonth: month(retriedEur ?? 0),
      what: "Calls of a model were paid for and had to be made again",
      assumption:
        "Each would have been answered at first; those in turns that failed after all are among failed turns, too",
      todo: "See llm_retries_total by reason: another model or a longer time-out may answer at first"
    },
    ...(facts.prices === undefined ? [] : contexts(facts, facts.prices)),
    ...(facts.prices === undefined ? [] : models(facts, facts.prices)),
    ...people(facts)
  ]
  return found
    .filter(({ eurPerMonth }) => eurPerMonth >= leastEur)
    .toSorted((a, b) => b.eurPerMonth - a.eurPerMonth || a.kind.localeCompare(b.kind))
}

const contexts = ({ usage, users }: Facts, prices: Prices): ReadonlyArray<Finding> =>
  usage.contexts.flatMap(({ excessTokens, longTurns, medianTokens, model, turns }) => {
    const price = prices.models.get(listed(prices, model) ?? "")
    if (price === undefined || turns < leastTurns || longTurns === 0) return []
    const finding: Finding = {
      kind: "long_contexts",
      eurPerMonth: ((excessTokens * price.input) / 1_000_000) * users.monthFactor,
      what: `${count(longTurns, "turn")} of ${formatted(turns, "short", 0)} showed ${model} ${CostsRepo.long.times} times the median of ${formatted(medianTokens, "short", 0)} tokens, or more`,
      assumption: `They would do with the median; ${formatted(price.input, "currencyEUR", 3)} for a million tokens of input, version ${prices.version} of the prices`,
      todo: "Lower LLM_CONTEXT_TOKENS; look for users who paste long texts, and for tools with long results"
    }
    return [finding]
  })

const models = ({ usage, users }: Facts, prices: Prices): ReadonlyArray<Finding> => {
  const names = [...new Set(usage.calls.map(({ model }) => model))]
  return names.flatMap((model) => {
    const all = usage.calls.filter((one) => one.model === model)
    const sum = (of: (one: CostsRepo.Calls) => number) => all.reduce((total, one) => total + of(one), 0)
    const tokens = [sum(({ inputTokens }) => inputTokens), sum(({ outputTokens }) => outputTokens)] as const
    const spent = sum(({ costEur }) => costEur)
    const other = cheaper(prices, model, ...tokens)
    if (other === undefined || spent <= other.eur) return []
    const finding: Finding = {
      kind: "cheaper_model",
      eurPerMonth: (spent - other.eur) * users.monthFactor,
      what: `${other.model} would have cost ${small(other.eur)} for what ${model} took ${small(spent)} for`,
      assumption: `The same tokens, at version ${prices.version} of the prices, and answers that are good enough`,
      todo: `Compare their answers with make eval before LLM_MODEL=${other.model}`
    }
    return [finding]
  })
}

const people = ({ usage, users }: Facts): ReadonlyArray<Finding> => {
  const [first] = usage.people
  if (first === undefined) return []
  const assumption = `They would cost the target of ${eur(users.targetEur)}, and their month goes on like this`
  return [
    {
      kind: "users_over_limit",
      eurPerMonth: first.excessLimitEur,
      what: `${count(first.overLimit, "user")} of ${formatted(first.people, "short", 0)} will cost ${eur(users.limitEur)} a month or more`,
      assumption,
      todo: "The server refuses them at USER_MONTHLY_LIMIT_EUR in a month: look at what they do, and offer them a plan that pays for it"
    },
    {
      kind: "users_over_target",
      eurPerMonth: first.excessTargetEur,
      what: `${count(first.overTarget, "user")} of ${formatted(first.people, "short", 0)} will cost ${eur(users.targetEur)} a month or more, but less than ${eur(users.limitEur)}`,
      assumption,
      todo: "Look at what they do; a shorter context or a cheaper model helps with all of them"
    }
  ]
}

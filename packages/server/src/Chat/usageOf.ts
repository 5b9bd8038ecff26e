import type { Usage } from "@parley/domain/Chat"
import { roundEur } from "../Usage/Prices.ts"
import type { Call } from "./CallsRepo.ts"

/** What all calls of a turn took together, in the name of the model that answered. */
export const usageOf = (calls: ReadonlyArray<Call>): Usage => ({
  model: calls.at(-1)?.model ?? "",
  input_tokens: calls.reduce((sum, call) => sum + call.inputTokens, 0),
  output_tokens: calls.reduce((sum, call) => sum + call.outputTokens, 0),
  cost_eur: roundEur(calls.reduce((sum, call) => sum + call.costEur, 0))
})

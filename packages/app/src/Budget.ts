/** What the month has cost so far. */
import { signal } from "@preact/signals"
import * as Api from "./Api.ts"
import type { MonthlyUsage } from "./types.ts"

export const month = signal<MonthlyUsage | undefined>(undefined)

/** Nothing depends on it, so it may fail in silence. */
export const load = async (): Promise<void> => {
  month.value = await Api.usage().catch(() => month.value)
}

/** Spares asking after every answer. */
export const spend = (cost_eur: number): void => {
  const known = month.value
  if (known !== undefined) month.value = { ...known, turns: known.turns + 1, cost_eur: known.cost_eur + cost_eur }
}

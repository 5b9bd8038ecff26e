import { Config } from "effect"
import * as Setting from "../Settings/Setting.ts"

export const settings = {
  pricesFile: Setting.optional(
    "PRICES_FILE",
    Config.NonEmptyString("PRICES_FILE"),
    "the path of a JSON file in the shape of packages/server/src/Usage/prices.json"
  )
}

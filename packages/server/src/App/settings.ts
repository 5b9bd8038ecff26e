import { Config } from "effect"
import * as Setting from "../Settings/Setting.ts"

export const settings = {
  appPage: Setting.withDefault("APP_PAGE", Config.Boolean("APP_PAGE"), true, "true or false")
}

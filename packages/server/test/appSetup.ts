/** The page at /app as it is now, whether or not `make` is how the tests were started. */
import { buildApp } from "../../app/build.ts"

export const setup = buildApp

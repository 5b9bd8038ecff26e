/** The five, and the files they become. */
import { alerts } from "./alerts.ts"
import { type Board, build } from "./Board.ts"
import { business } from "./business.ts"
import { costs } from "./costs.ts"
import { overview } from "./overview.ts"
import { performance } from "./performance.ts"

export const boards: ReadonlyArray<Board> = [overview, costs, business, performance, alerts]

/** Where Grafana finds them. */
export const folder = new URL("dashboards/", import.meta.url)

/** The same for the same board, to the byte. */
export const files: ReadonlyArray<{ readonly name: string; readonly content: string }> = boards.map((board) => ({
  name: `${board.uid}.json`,
  content: `${JSON.stringify(build(board), null, 2)}\n`
}))

/** What an expression speaks of, by the grammar that Prometheus's own page has. */
import { parser } from "@prometheus-io/lezer-promql"

export interface Selected {
  readonly metric: string
  /** That it is selected by. */
  readonly labels: ReadonlyArray<string>
}

export interface Parsed {
  readonly errors: number
  readonly selectors: ReadonlyArray<Selected>
  /** That are grouped by. */
  readonly groupings: ReadonlyArray<string>
}

export const parse = (expr: string): Parsed => {
  let errors = 0
  const selectors: Array<{ metric: string; labels: Array<string> }> = []
  const groupings: Array<string> = []
  parser.parse(expr).iterate({
    enter: (node) => {
      const text = expr.slice(node.from, node.to)
      if (node.type.isError) errors += 1
      if (node.name === "VectorSelector") selectors.push({ metric: "", labels: [] })
      const selector = selectors.at(-1)
      if (node.name === "Identifier" && selector !== undefined) selector.metric = text
      if (node.name === "LabelName") {
        if (node.node.parent?.name === "GroupingLabels") groupings.push(text)
        else selector?.labels.push(text)
      }
    }
  })
  return { errors, selectors, groupings }
}

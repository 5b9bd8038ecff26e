/**
 * Markdown as elements. No HTML is made on the way, so there is none to be cleaned: what an answer holds of it is text.
 * Pictures become links, because a picture is a request to whoever the answer names.
 */
import type { Definition, Nodes, RootContent } from "mdast"
import { fromMarkdown } from "mdast-util-from-markdown"
import { gfmFromMarkdown } from "mdast-util-gfm"
import { gfm } from "micromark-extension-gfm"
import type { ComponentChild, ComponentChildren } from "preact"
import { useMemo } from "preact/hooks"
import { CopyButton } from "./CopyButton.tsx"

const options = { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] }
/** Nothing that people write goes deeper. */
const maxDepth = 40

const isSafe = (address: string): boolean =>
  URL.canParse(address) && ["http:", "https:", "mailto:"].includes(new URL(address).protocol)

const Link = ({ children, to }: { readonly to: string; readonly children: ComponentChildren }) =>
  isSafe(to) ? (
    <a href={to} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  ) : (
    <span>{children}</span>
  )

const Code = ({ language, text }: { readonly language: string; readonly text: string }) => (
  <div class="code">
    <div class="bar">
      <span>{language}</span>
      <CopyButton text={text} what="code" />
    </div>
    <pre tabIndex={0}>
      <code>{text}</code>
    </pre>
  </div>
)

/** What the elements of a text need to know of all of it. */
interface Found {
  readonly definitions: ReadonlyMap<string, Definition>
  /** The levels of its headings, whichever they are: the highest comes right below that of the page. */
  readonly depths: ReadonlyArray<number>
}

const headings = ["h2", "h3", "h4", "h5"] as const

const render = (node: RootContent, found: Found, depth: number): ComponentChild => {
  const inside = (parent: { readonly children: ReadonlyArray<RootContent> }): ComponentChildren =>
    depth > maxDepth ? null : parent.children.map((child) => render(child, found, depth + 1))
  switch (node.type) {
    case "text":
      return node.value
    case "paragraph":
      return <p>{inside(node)}</p>
    case "strong":
      return <strong>{inside(node)}</strong>
    case "emphasis":
      return <em>{inside(node)}</em>
    case "delete":
      return <del>{inside(node)}</del>
    case "inlineCode":
      return <code>{node.value}</code>
    case "code":
      return <Code language={node.lang ?? ""} text={node.value} />
    case "break":
      return <br />
    case "thematicBreak":
      return <hr />
    case "blockquote":
      return <blockquote>{inside(node)}</blockquote>
    case "heading": {
      const Heading = headings[found.depths.indexOf(node.depth)] ?? "h6"
      return <Heading>{inside(node)}</Heading>
    }
    case "list":
      return node.ordered === true ? <ol start={node.start ?? 1}>{inside(node)}</ol> : <ul>{inside(node)}</ul>
    case "listItem":
      return (
        <li class={typeof node.checked === "boolean" ? "task" : undefined}>
          {typeof node.checked === "boolean" && (
            <span role="img" aria-label={node.checked ? "Done" : "To do"}>
              {node.checked ? "☑" : "☐"}
            </span>
          )}
          {node.children.map((child) =>
            node.children.length === 1 && child.type === "paragraph" ? inside(child) : render(child, found, depth + 1)
          )}
        </li>
      )
    case "link":
      return <Link to={node.url}>{inside(node)}</Link>
    case "linkReference": {
      const definition = found.definitions.get(node.identifier)
      return definition === undefined ? <span>[{inside(node)}]</span> : <Link to={definition.url}>{inside(node)}</Link>
    }
    case "image":
      return <Link to={node.url}>{node.alt === "" || node.alt === null ? "Picture" : node.alt}</Link>
    case "imageReference":
      return <Link to={found.definitions.get(node.identifier)?.url ?? ""}>{node.alt ?? "Picture"}</Link>
    case "html":
      return /^<br\s*\/?>$/iu.test(node.value) ? <br /> : node.value
    case "table": {
      const [head, ...rows] = node.children
      const styleOf = (column: number) => ({ textAlign: node.align?.[column] ?? undefined })
      return (
        <div class="table" role="region" aria-label="Table" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {head?.children.map((cell, column) => (
                  <th scope="col" style={styleOf(column)}>
                    {inside(cell)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr>
                  {row.children.map((cell, column) => (
                    <td style={styleOf(column)}>{inside(cell)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )
    }
    case "footnoteReference":
      return <sup>[{node.label ?? node.identifier}]</sup>
    case "footnoteDefinition":
      return (
        <div class="footnote">
          <sup>[{node.label ?? node.identifier}]</sup> {inside(node)}
        </div>
      )
    default:
      return null
  }
}

const allOf = (node: Nodes, depth = 0): ReadonlyArray<Nodes> =>
  "children" in node && depth < maxDepth ? [node, ...node.children.flatMap((child) => allOf(child, depth + 1))] : [node]

const find = (tree: Nodes): Found => {
  const all = allOf(tree)
  return {
    definitions: new Map(all.flatMap((node) => (node.type === "definition" ? [[node.identifier, node]] : []))),
    depths: [...new Set(all.flatMap((node) => (node.type === "heading" ? [node.depth] : [])))].toSorted()
  }
}

const rendered = (text: string): ComponentChildren => {
  try {
    const tree = fromMarkdown(text, options)
    const found = find(tree)
    return tree.children.map((child) => render(child, found, 0))
  } catch {
    return <p class="plain">{text}</p>
  }
}

export const Markdown = ({ text }: { readonly text: string }) => (
  <div class="markdown">{useMemo(() => rendered(text), [text])}</div>
)

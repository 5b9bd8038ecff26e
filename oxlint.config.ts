import { readdirSync } from "node:fs"
import { join } from "node:path"
import type { OxlintConfig } from "oxlint"

/*
 * The rules of the house that a machine can check; `oxlint.config.test.ts` proves each of them.
 *
 * Where two overrides name the same rule, the later one replaces the options of the earlier one. So the boundaries are
 * one list, and a folder's override is that list without the boundaries the folder is excused from.
 */

const folders = readdirSync(join(import.meta.dirname, "packages/server/src"), { withFileTypes: true })
const rooms = `(${folders.flatMap((folder) => (folder.isDirectory() ? [folder.name] : [])).join("|")})`

const boundaries = {
  packages: {
    regex: "^(\\.\\./)+(packages/)?(app/src|domain|server|evals)/",
    message: "Import another package by its name, not by a path into its folder."
  },
  server: {
    regex: "^@parley/server(/|$)",
    message: "Nothing imports the server, but packages/evals its Agent."
  },
  repository: {
    regex: `(^|/)${rooms}/(.+/)?\\w*Repo(\\.ts)?$`,
    message: "A repository belongs to its room: import the room's service instead."
  },
  handlers: {
    regex: `(^|/)${rooms}/(.+/)?Http(\\.ts)?$`,
    message: "A room's Http.ts is for packages/server/src/Http.ts and main.ts: import the room's service instead."
  },
  langchain: {
    regex: "^@langchain/",
    message: "@langchain/* is used under packages/server/src/Agent only."
  },
  telemetry: {
    regex: "^(prom-client|@opentelemetry/.+|@effect/opentelemetry|@langfuse/.+|langfuse)(/|$)",
    message: "prom-client and tracing SDKs are used under packages/server/src/Telemetry only."
  },
  sql: {
    regex: "^(effect/sql|@effect/sql-pg|@effect/sql)(/|$)",
    message: "SQL is written in *Repo.ts, in Agent/*Saver.ts and *Tables.ts, and under Sql only."
  },
  environment: {
    group: ["process", "node:process"],
    importNames: ["env"],
    message: "Read the environment with Config."
  }
}

type Boundary = keyof typeof boundaries

const restrict = (patterns: Array<object>): NonNullable<OxlintConfig["rules"]> => ({
  "no-restricted-imports": ["error", { patterns }]
})

const importsExcept = (...excused: ReadonlyArray<Boundary>) => {
  const { ...patterns }: Partial<typeof boundaries> = boundaries
  for (const boundary of excused) delete patterns[boundary]
  return restrict(Object.values(patterns))
}

const domainImports = (...allowed: ReadonlyArray<string>) =>
  restrict([
    boundaries.packages,
    {
      group: ["*", "!./**", "!../**", ...["effect", ...allowed].flatMap((name) => [`!${name}`, `!${name}/**`])],
      message: "packages/domain imports only effect and its own files."
    }
  ])

const evalsImports = (...more: Array<object>) =>
  restrict([
    boundaries.packages,
    boundaries.langchain,
    boundaries.sql,
    boundaries.environment,
    {
      group: ["@parley/**", "!@parley/domain/**", "!@parley/server/Agent/**"],
      message: "packages/evals imports @parley/domain and @parley/server/Agent only."
    },
    ...more
  ])

/** Traces are read and scored there, and nothing is traced. */
const langfuseClient = {
  regex: "^(prom-client|@opentelemetry/.+|@effect/opentelemetry|@langfuse/(otel|tracing|langchain)|langfuse)(/|$)",
  message: boundaries.telemetry.message
}

/** What the page is made of comes to every reader: of the contract it knows the types, and of Effect nothing. */
const appImports = restrict([
  boundaries.packages,
  {
    regex: "^@parley/domain(/|$)",
    allowTypeImports: true,
    message: "packages/app imports the types of @parley/domain only."
  },
  { regex: "^(@parley/(server|evals|monitoring)|effect|@effect|node:)", message: "packages/app runs in browsers." }
])

const forgottenTest = "A test that does not run is a defect: mend it or delete it."

export default {
  plugins: ["typescript", "import", "node", "unicorn", "oxc", "vitest"],
  categories: { correctness: "error", suspicious: "error", perf: "error" },
  options: { reportUnusedDisableDirectives: "error", denyWarnings: true },
  ignorePatterns: ["**/generated/**", "coverage/**"],
  rules: {
    ...importsExcept(),
    "import/no-cycle": "error",
    "import/no-default-export": "error",
    "max-lines": ["error", { max: 250, skipBlankLines: false, skipComments: false }],
    "typescript/ban-ts-comment": "error",
    "typescript/consistent-type-assertions": ["error", { assertionStyle: "never" }],
    "typescript/no-explicit-any": "error",
    "typescript/no-non-null-assertion": "error",
    "unicorn/no-abusive-eslint-disable": "error",
    "unicorn/prefer-node-protocol": "error",

    // Effect's own idiom: `_tag`, generators without a yield, an inner name for the outer thing, immutable copies, and
    // loops that await only at a seam, where one after the other is meant.
    "no-underscore-dangle": "off",
    "require-yield": "off",
    "no-shadow": "off",
    "oxc/no-map-spread": "off",
    "no-await-in-loop": "off",
    "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],

    // Where a helper stands is taste; control characters are what we strip; `it.effect` is a test block too.
    "unicorn/consistent-function-scoping": "off",
    "no-control-regex": "off",
    "vitest/no-standalone-expect": "off",
    "vitest/valid-title": ["error", { ignoreTypeOfTestName: true }]
  },
  overrides: [
    {
      files: ["packages/*/src/**", "monitoring/**"],
      rules: {
        "no-console": "error",
        "no-restricted-globals": [
          "error",
          { name: "Date", message: "Use DateTime, or Clock, so that tests control the time." },
          { name: "performance", message: "Use Clock, so that tests control the time." }
        ],
        "no-restricted-properties": [
          "error",
          { object: "Math", property: "random", message: "Use Random, so that tests control it." },
          { object: "process", property: "env", message: "Read the environment with Config." }
        ]
      }
    },
    { files: ["packages/domain/src/**"], rules: domainImports() },
    { files: ["packages/evals/**"], rules: evalsImports(boundaries.telemetry) },
    { files: ["packages/evals/src/Sources/*angfuse*.ts"], rules: evalsImports(langfuseClient) },
    {
      files: ["packages/app/src/**"],
      plugins: ["typescript", "import", "unicorn", "oxc", "jsx-a11y"],
      rules: {
        ...appImports,
        // Where a test has a browser, it has its clock; and a channel has no target.
        "no-restricted-globals": "off",
        "unicorn/require-post-message-target-origin": "off",
        // Preact says `for`; what scrolls must be reached by keyboard; and `meter` cannot be drawn alike everywhere.
        "jsx-a11y/label-has-associated-control": "off",
        "jsx-a11y/no-noninteractive-tabindex": "off",
        "jsx-a11y/prefer-tag-over-role": "off"
      }
    },
    { files: ["packages/server/src/{Http,main}.ts"], rules: importsExcept("handlers") },
    { files: ["packages/server/src/Sql/**", "packages/server/src/**/*Repo.ts"], rules: importsExcept("sql") },
    { files: ["monitoring/automation/Sql/**", "monitoring/automation/**/*Repo.ts"], rules: importsExcept("sql") },
    { files: ["packages/server/src/Telemetry/**"], rules: importsExcept("telemetry") },
    { files: ["packages/server/src/Agent/**"], rules: importsExcept("langchain") },
    { files: ["packages/server/src/Agent/**/*{Repo,Saver,Tables}.ts"], rules: importsExcept("langchain", "sql") },

    {
      files: ["**/*.test.ts", "packages/*/test/**", "monitoring/test/**"],
      rules: {
        "no-restricted-globals": "off",
        "no-restricted-properties": [
          "error",
          { property: "only", message: forgottenTest },
          { property: "skip", message: forgottenTest },
          { property: "todo", message: forgottenTest }
        ]
      }
    },
    { files: ["packages/domain/src/**/*.test.ts"], rules: domainImports("vitest", "@effect/vitest") },
    {
      files: ["packages/server/src/**/*.test.ts", "monitoring/test/**", "monitoring/automation/**/*.test.ts"],
      rules: importsExcept("sql")
    },
    { files: ["packages/server/src/Telemetry/**/*.test.ts"], rules: importsExcept("telemetry", "sql") },
    { files: ["packages/server/src/Agent/**/*{.test,TestDatabase}.ts"], rules: importsExcept("langchain", "sql") },
    {
      files: ["packages/server/{test,bench}/**"],
      rules: importsExcept("langchain", "sql", "repository", "handlers", "environment")
    },

    { files: ["*.config.ts", "packages/server/src/**/migrations/**"], rules: { "import/no-default-export": "off" } }
  ]
} satisfies OxlintConfig

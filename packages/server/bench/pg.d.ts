/** What the comparison uses of `pg`, which comes without types. */
declare module "pg" {
  export class Pool {
    constructor(options: { readonly connectionString: string; readonly max: number })
    query(query: {
      readonly name: string
      readonly text: string
      readonly values: ReadonlyArray<unknown>
    }): Promise<{ readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>> }>
  }
}

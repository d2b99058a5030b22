import type { Queryable } from '../../postgres/queryable.ts';

/** A layer's parameters of the rules, as they stand since `at`. */
export interface ParamsRow {
  /** `platform`, or `company:` and its name. */
  layer: string;
  at: Date;
  /** Rule → parameter → value. */
  params: Record<string, unknown>;
  by: string;
}

export async function putParams(db: Queryable, layer: string, params: object, by: string): Promise<ParamsRow> {
  const { rows } = await db.query<ParamsRow>(
    'INSERT INTO rule_params (layer, params, by) VALUES ($1, $2, $3) RETURNING *',
    [layer, params, by],
  );
  return rows[0]!;
}

export async function getParams(db: Queryable, layer: string): Promise<ParamsRow | undefined> {
  const { rows } = await db.query<ParamsRow>('SELECT * FROM rule_params WHERE layer = $1 ORDER BY at DESC LIMIT 1', [
    layer,
  ]);
  return rows[0];
}

/** The current values of each layer, in the order of their names. */
export async function listParams(
  db: Queryable,
  page: { after?: string | undefined; limit: number },
): Promise<ParamsRow[]> {
  const { rows } = await db.query<ParamsRow>(
    `SELECT DISTINCT ON (layer) * FROM rule_params WHERE ($1::text IS NULL OR layer > $1)
     ORDER BY layer, at DESC LIMIT $2`,
    [page.after ?? null, page.limit],
  );
  return rows;
}

/** The layers of parameters as they were when a trip was declared; null: nothing had been set. */
export interface DeclaredParams {
  platform_params: Record<string, unknown> | null;
  company_params: Record<string, unknown> | null;
}

const whenDeclared = (layer: string) =>
  `(SELECT p.params FROM rule_params p WHERE p.layer = ${layer} AND p.at <= t.created_at ORDER BY p.at DESC LIMIT 1)`;

/** SQL: the columns of `DeclaredParams` for a trip aliased `t`. */
export const declaredParams = `${whenDeclared("'platform'")} AS platform_params,
  ${whenDeclared("'company:' || t.company")} AS company_params`;

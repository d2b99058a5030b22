import type { Queryable } from '../../postgres/queryable.ts';

export interface OfficeRow {
  code: string;
  name_zh: string;
  name_en: string;
}

/** Puts a table in the place of the one before, which it answers. Call it in a transaction; two at once wait for each other. */
export async function replaceOffices(db: Queryable, offices: OfficeRow[]): Promise<OfficeRow[]> {
  await db.query('LOCK TABLE offices IN SHARE ROW EXCLUSIVE MODE');
  const { rows } = await db.query<OfficeRow>('SELECT code, name_zh, name_en FROM offices ORDER BY code');
  await db.query('DELETE FROM offices');
  await db.query('INSERT INTO offices SELECT * FROM unnest($1::text[], $2::text[], $3::text[])', [
    offices.map((office) => office.code),
    offices.map((office) => office.name_zh),
    offices.map((office) => office.name_en),
  ]);
  return rows;
}

/** The table as it was loaded, by code. */
export async function listOffices(
  db: Queryable,
  page: { after?: string | undefined; limit: number },
): Promise<OfficeRow[]> {
  const { rows } = await db.query<OfficeRow>(
    `SELECT code, name_zh, name_en FROM offices WHERE $1::text IS NULL OR code > $1 ORDER BY code LIMIT $2`,
    [page.after ?? null, page.limit],
  );
  return rows;
}

/** Which of these codes the table does not have; none where no table was loaded. */
export async function unknownOffices(db: Queryable, codes: string[]): Promise<string[]> {
  const { rows } = await db.query<{ code: string }>(
    `SELECT x.code FROM unnest($1::text[]) AS x(code)
     WHERE EXISTS (SELECT FROM offices) AND NOT EXISTS (SELECT FROM offices o WHERE o.code = x.code)`,
    [codes],
  );
  return rows.map((row) => row.code);
}

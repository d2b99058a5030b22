import { OVER_STATUSES } from '@sealwatch/schemas';

/** Whether a trip aliased `t` begins or ends at one of these offices. */
export const ENDS_AT = (parameter: number) =>
  `(t.origin_office = ANY($${parameter}) OR t.destination_office = ANY($${parameter}))`;

/** The same for who is bound to these offices; null: bound to none, sees every trip; `[]`: sees none. */
export const VISIBLE = (parameter: number) => `($${parameter}::text[] IS NULL OR ${ENDS_AT(parameter)})`;

/** Whether a trip with this alias is not over: it holds its locks. `isOver` of the schemas in SQL. */
export const IS_OPEN = (trip = 't') =>
  `${trip}.status NOT IN (${OVER_STATUSES.map((status) => `'${status}'`).join(', ')})`;

/** Whether a trip with this alias was not cancelled: what its locks sent is its record, also when it is over. */
export const IS_NOT_CANCELLED = (trip = 't') => `${trip}.status <> 'cancelled'`;

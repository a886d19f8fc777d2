import { median, spread, table } from './numbers.ts';
import { type Measured, type Row, rows, verdictOf } from './rows.ts';

const signs = { 'not below': '≥', below: '<', 'off by at most': '±' } as const satisfies Record<Row['passes'], string>;

/** The table's rows that were measured, each with its verdict. */
export function describeRows(measured: readonly Measured[]): string {
  return table(
    ['bench', 'against', 'measured', 'aim', 'must', 'verdict', 'from'],
    measured.map(({ row: name, values, raw }) => {
      const row: Row = rows[name];
      const bar = (value: number | undefined) =>
        value === undefined ? '' : `${signs[row.passes]} ${value}${row.unit}`;
      const [middle, range] = spread(values, row.digits).split(' ');
      const shown = `${middle}${row.unit}${values.length > 1 ? ` ${range}` : ''}`;
      return [row.what, row.against, shown, bar(row.aim), bar(row.must), verdictOf(row, median(values)), raw];
    }),
  );
}

import type { Database } from './database.ts';

/** How long a circuit stays open. */
export const opening = {
  /** The first time; doubled each time after that, up to `mostMs`. Drawn between half of it and all of it. */
  firstMs: 2_000,
  mostMs: 60_000,
  /** Closed for so long, it begins anew with `firstMs`. */
  quietMs: 60_000,
  /** How long the right to probe holds: whoever has it renews it with each look. */
  probeMs: 5_000,
} as const;

/** How the circuit of an upstream account stands, as one process sees it. */
export type Circuit =
  | { state: 'closed' }
  /** Nobody calls for so long. */
  | { state: 'open'; forMs: number }
  /** One process tries: `mine` where it is this one. */
  | { state: 'half-open'; mine: boolean };

/** The circuits of accounts, as all processes share them. Times are the database's. */
export interface AccountHealth {
  /** How those stand that ever failed; the others are closed. Takes the right to probe where one may be probed and no other process does. */
  look(): Promise<Map<string, Circuit>>;
  /** Opens a circuit that is closed, or that this process probes. What another one has opened meanwhile stays as it is. @returns how it stands then */
  open(upstream: string): Promise<Circuit>;
  /** Closes a circuit that this process probes. What another one probes meanwhile stays as it is. @returns how it stands then */
  close(upstream: string): Promise<Circuit>;
}

interface Row {
  upstream: string;
  closed: boolean;
  openForMs: number;
  mine: boolean;
}

const asRow = `upstream, closed_at is not null as closed, coalesce(prober = $1 and probed_until > clock_timestamp(), false) as mine,
  extract(epoch from open_until - clock_timestamp())::float8 * 1000 as "openForMs"`;

function circuitOf({ closed, openForMs, mine }: Row): Circuit {
  if (closed) return { state: 'closed' };
  return openForMs > 0 ? { state: 'open', forMs: openForMs } : { state: 'half-open', mine };
}

/** @param process id of the one that asks: a UUID. @param upstreams those that it works for */
export function createAccountHealth(db: Database, process: string, upstreams: readonly string[]): AccountHealth {
  async function rows(of: readonly string[] = upstreams): Promise<Row[]> {
    const found = await db.query<Row>({
      name: 'look-at-health',
      text: `select ${asRow} from account_health where upstream = any($2)`,
      values: [process, of],
    });
    return found.rows;
  }

  async function stateOf(upstream: string): Promise<Circuit> {
    const [row] = await rows([upstream]);
    return row ? circuitOf(row) : { state: 'closed' };
  }

  return {
    async look() {
      let found = await rows();
      const isFree = ({ closed, openForMs }: Row) => !closed && openForMs <= 0;
      if (found.some(isFree)) {
        await db.query({
          name: 'probe-account',
          text: `update account_health set prober = $1, probed_until = clock_timestamp() + $2 * interval '1 millisecond'
            where upstream = any($3) and closed_at is null and open_until <= clock_timestamp()
              and (prober = $1 or coalesce(probed_until <= clock_timestamp(), true))`,
          values: [process, opening.probeMs, upstreams],
        });
        found = await rows();
      }
      return new Map(found.map((row) => [row.upstream, circuitOf(row)]));
    },

    async open(upstream) {
      await db.query({
        name: 'open-account',
        text: `insert into account_health as h (upstream, opens, open_until)
            values ($1, 1, clock_timestamp() + $3::float8 * (0.5 + random() / 2) * interval '1 millisecond')
          on conflict (upstream) do update set
            opens = case when h.closed_at < clock_timestamp() - $5 * interval '1 millisecond' then 1 else h.opens + 1 end,
            open_until = clock_timestamp() + (0.5 + random() / 2) * interval '1 millisecond' * least($4::float8, $3::float8 * power(2,
              case when h.closed_at < clock_timestamp() - $5 * interval '1 millisecond' then 0 else least(h.opens, 20) end)),
            prober = null, probed_until = null, closed_at = null
          where h.closed_at is not null or h.prober = $2`,
        values: [upstream, process, opening.firstMs, opening.mostMs, opening.quietMs],
      });
      return stateOf(upstream);
    },

    async close(upstream) {
      await db.query({
        name: 'close-account',
        text: `update account_health set closed_at = clock_timestamp(), prober = null, probed_until = null
          where upstream = $1 and prober = $2 and closed_at is null`,
        values: [upstream, process],
      });
      return stateOf(upstream);
    },
  };
}

import type { BudgetResults, Window } from './budget.ts';
import { percentile, table } from './numbers.ts';

/** What a run found, as text. */
export function describeBudget({ seconds, windows }: BudgetResults): string {
  return [
    `An account's request budget, ${seconds} s for each client in turn, unscaled: 10 calls in any second are let through, 8 creates a second offered,`,
    '300 processes outstanding.',
    '',
    table(
      [
        'client',
        'creates offered',
        'sent',
        '429s of all calls',
        'wait of a create, ms: p50',
        'p95',
        'max',
        'polls answered',
        'polls per concluded process',
      ],
      windows.map(row),
    ),
  ].join('\n');
}

function row({ name, offered, waits, creates, polls }: Window): string[] {
  const refused = creates.refused + polls.refused;
  const calls = refused + creates.taken + polls.taken;
  const asked = polls.taken + polls.refused;
  return [
    name,
    String(offered),
    `${waits.length} (${percent(waits.length / offered)})`,
    `${refused} of ${calls} (${percent(refused / calls)})`,
    ...[0.5, 0.95, 1].map((share) => percentile(waits, share).toFixed(0)),
    String(polls.taken),
    polls.concluded === 0 ? 'none concluded' : `${(asked / polls.concluded).toFixed(1)}`,
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

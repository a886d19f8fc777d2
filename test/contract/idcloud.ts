import type { IdcloudHouse } from '../e2e/idcloud-house.fixture.ts';
import { errorLines } from './idcloud-error-lines.ts';
import { routeLines } from './idcloud-route-lines.ts';
import { scenarioLines } from './idcloud-scenario-lines.ts';
import { tokenLines } from './idcloud-token-lines.ts';
import { unicoErrorLines } from './idcloud-unico-lines.ts';
import { type ContractGroup, type ContractTotals, runContract } from './run-contract.ts';

/**
 * Tries every scenario, route and error code of IDCloud, a line each. Scenarios are tried at once, as their processes wait for polls; the others one
 * after the other, because the simulator misbehaves for whoever comes next. Tokens come last: the transactions that they hold up are sent later.
 */
export function runIdcloudContract(write: (line: string) => void, house: IdcloudHouse): Promise<ContractTotals> {
  return runContract(
    write,
    { contract: 'idcloud', of: 'checks' },
    idcloudLines(() => house),
  );
}

export function idcloudLines(house: () => IdcloudHouse): [ContractGroup, ContractGroup] {
  const others = [routeLines, errorLines, unicoErrorLines, tokenLines].flatMap((make) => make(house));
  return [{ atOnce: true, lines: scenarioLines(house) }, { lines: others }];
}

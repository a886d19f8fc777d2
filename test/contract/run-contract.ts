/** What stands in one line, and everything that is tried for it. */
export interface ContractLine {
  line: string;
  checks: readonly (readonly [title: string, check: () => Promise<unknown>])[];
}

/** Lines that are tried at the same time where `atOnce` is set, else one after the other. */
export interface ContractGroup {
  atOnce?: boolean;
  lines: readonly ContractLine[];
}

export interface ContractTotals {
  tried: number;
  passed: number;
  failed: number;
}

/**
 * Tries every line and writes it (`ok    …` or `FAIL  …`), below those that fail what went wrong, and the totals last.
 * @param title what the last line begins with, and what the lines are called there
 */
export async function runContract(
  write: (line: string) => void,
  title: { contract: string; of: string },
  groups: readonly ContractGroup[],
): Promise<ContractTotals> {
  const totals = { tried: 0, passed: 0, failed: 0 };
  const say = ({ line }: ContractLine, faults: readonly string[]) => {
    totals.tried += 1;
    totals[faults.length > 0 ? 'failed' : 'passed'] += 1;
    write(`${faults.length > 0 ? 'FAIL' : 'ok  '}  ${line}`);
    for (const fault of faults) write(`      ${fault}`);
  };
  for (const { atOnce = false, lines } of groups) {
    if (atOnce) {
      const all = await Promise.all(lines.map(faultsOf));
      for (const [at, line] of lines.entries()) say(line, all[at] ?? []);
    } else {
      for (const line of lines) say(line, await faultsOf(line));
    }
  }
  write(`contract ${title.contract}: ${totals.tried} ${title.of}, ${totals.passed} passed, ${totals.failed} failed`);
  return totals;
}

async function faultsOf({ checks }: ContractLine): Promise<string[]> {
  const faults: string[] = [];
  for (const [title, check] of checks) {
    try {
      await check();
    } catch (error) {
      faults.push(`${title}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return faults;
}

import { rotated } from './numbers.ts';

/**
 * Lets everybody have a turn in each round, in an order that rotates: nobody is always the one who comes after the heaviest. Round 0 warms up and is not
 * kept. Element i of every list was measured in the same round.
 */
export async function inTurns<Name extends string, Found>(
  names: readonly Name[],
  rounds: number,
  turn: (name: Name, round: number) => Promise<Found>,
  tell: (round: number, found: Readonly<Record<Name, Found>>) => void = () => {},
): Promise<Record<Name, Found[]>> {
  const kept = Object.fromEntries(names.map((name) => [name, [] as Found[]])) as Record<Name, Found[]>;
  for (let round = 0; round <= rounds; round++) {
    const found = {} as Record<Name, Found>;
    for (const name of rotated(names, round)) found[name] = await turn(name, round);
    if (round > 0) for (const name of names) kept[name].push(found[name]);
    tell(round, found);
  }
  return kept;
}

import type { unicoFlows } from '@atesto/shared/contracts/idcloud-unico';

/** Steps and checks of a flow of by Unico. */
export type FlowPart =
  | 'liveness'
  | 'identity'
  | 'behaviour'
  | 'score'
  | 'serpro'
  | 'documents'
  | 'signature'
  | 'validation'
  | 'smart'
  | 'age';

const letters: Readonly<Record<string, FlowPart>> = {
  L: 'liveness',
  I: 'identity',
  B: 'behaviour',
  S: 'score',
  G: 'serpro',
  D: 'documents',
  E: 'signature',
  V: 'validation',
  R: 'smart',
  A: 'age',
};

/** What each flow has: section 3.2. */
const flows: Readonly<Record<(typeof unicoFlows)[number], string>> = {
  idlive: 'L',
  id: 'LI',
  idlivetrust: 'LB',
  idtrust: 'LIB',
  idcheck: 'LIS',
  idchecktrust: 'LIBS',
  idcheckserpro: 'LISG',
  iddocs: 'LISD',
  idchecktrustdocs: 'LIBSD',
  idcheckserprodocs: 'LISGD',
  idunicodocs: 'LID',
  idtrustdocs: 'LIBD',
  idsign: 'LISE',
  idchecktrustsign: 'LIBSE',
  idunicosign: 'LIE',
  idtrustsign: 'LIBE',
  iddocssign: 'LISDE',
  idchecktrustdocssign: 'LIBSDE',
  idcheckserprodocssign: 'LISGDE',
  idunicodocssign: 'LIDE',
  idunicoserprodocssign: 'LIGDE',
  idtrustdocssign: 'LIBDE',
  creditoconsignado: 'LISDE',
  idtoken: 'LV',
  idtokentrust: 'LVB',
  idtokensign: 'LVE',
  idsmart: 'LR',
  idage: 'LA',
  idagedocumentless: 'LA',
};

/** The parts of a flow; undefined for one that does not exist. */
export function partsOf(flow: string): ReadonlySet<FlowPart> | undefined {
  if (!Object.hasOwn(flows, flow)) return undefined;
  const parts = [...flows[flow as keyof typeof flows]].map((letter) => letters[letter]);
  return new Set(parts.filter((part) => part !== undefined));
}

const capacities: readonly [FlowPart, string][] = [
  ['liveness', 'IDLIVE'],
  ['identity', 'IDUNICO'],
  ['score', 'IDCHECK'],
  ['documents', 'IDDOCS'],
  ['signature', 'IDSIGN'],
];

/** `capacities` of a process. */
export function capacitiesOf(parts: ReadonlySet<FlowPart>): string[] {
  return capacities.filter(([part]) => parts.has(part)).map(([, word]) => `PROCESS_CAPACITY_${word}`);
}

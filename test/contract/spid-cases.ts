import type { SpidServerOperationName } from '@atesto/shared/contracts/spid-server-operations';
import type { SpidCases } from './spid-case.ts';
import { deprecatedCases } from './spid-cases-deprecated.ts';
import { houseCases } from './spid-cases-house.ts';
import { peopleCases } from './spid-cases-people.ts';

/** One case for every row; a row without one does not compile. */
export const spidCases: SpidCases<SpidServerOperationName> = { ...peopleCases, ...houseCases, ...deprecatedCases };

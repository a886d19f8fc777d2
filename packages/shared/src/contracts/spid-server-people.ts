import {
  externalResult,
  redirectResult,
  transactionByGuid,
  transactionData,
  userTransactionRequest,
} from './spid-server.ts';
import {
  oneOrMany,
  readRow,
  SPID_SERVER_BASE as root,
  type SpidServerOperation,
  writeRow,
} from './spid-server-operation.ts';
import { person } from './spid-server-session.ts';

const result = { form: 'json', schema: externalResult } as const;

/** Enrolment, search, deletion, redirection, reports and transactions. */
export const peopleOperations = {
  deletePerson: {
    ...writeRow,
    method: 'DELETE',
    path: `${root}/delete/{cpf}`,
    answer: { ...result, optional: true },
    success: [200, 204],
  },
  deletePSBioPerson: {
    ...writeRow,
    method: 'DELETE',
    path: `${root}/delete/{cpf}/{mot}`,
    answer: { ...result, optional: true },
    success: [200, 204],
  },
  getDeleteResult: { ...readRow, method: 'GET', path: `${root}/delete/{id}`, answer: result, success: [200] },
  enroll: {
    ...writeRow,
    method: 'POST',
    path: `${root}/people`,
    request: userTransactionRequest,
    answer: result,
    success: [200, 201],
  },
  getEnrollResult: {
    ...readRow,
    method: 'GET',
    path: `${root}/people/transactions/{id}`,
    answer: result,
    success: [200],
  },
  getPerson: {
    ...readRow,
    method: 'GET',
    path: `${root}/people/{key}`,
    answer: { form: 'json', schema: person },
    success: [200],
  },
  generateReport: {
    ...readRow,
    method: 'GET',
    path: `${root}/report/{tguid}`,
    answer: { form: 'report' },
    success: [200],
    inferred: ['answer'],
  },
  verify: {
    ...writeRow,
    method: 'POST',
    path: `${root}/verify`,
    request: userTransactionRequest,
    answer: result,
    success: [200, 201],
  },
  getSearchResult: { ...readRow, method: 'GET', path: `${root}/verify/{tguid}`, answer: result, success: [200] },
  getTransactionGuid: {
    ...readRow,
    method: 'GET',
    path: `${root}/transaction/{guid}`,
    vendorName: 'GetTransactionGuid',
    answer: { form: 'json', schema: transactionByGuid },
    success: [200],
  },
  getTransactionData: {
    ...readRow,
    method: 'GET',
    path: `${root}/transaction/biometrics/{tguid}`,
    vendorName: 'GetTransactionData',
    answer: { form: 'json', schema: transactionData },
    success: [200],
  },
  getPersonTransactionData: {
    ...readRow,
    method: 'GET',
    path: `${root}/transaction/people/{cpf}`,
    vendorName: 'GetPersonTransactionData',
    answer: oneOrMany(transactionData),
    success: [200],
  },
  redirectEnroll: {
    ...writeRow,
    method: 'PUT',
    path: `${root}/redirect/verify/{guid}`,
    vendorName: 'RedirectEnroll',
    answer: { form: 'json', schema: redirectResult },
    success: [200],
    errors: [],
  },
} as const satisfies Record<string, SpidServerOperation>;

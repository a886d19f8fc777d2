import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type IdcloudOperation, idcloudOperations } from '@atesto/shared/contracts/idcloud-client';
import { type UnicoOperation, unicoOperations } from '@atesto/shared/contracts/idcloud-unico';
import type { Read } from '@atesto/shared/upstreams/upstream';
import { testCpfs } from '@atesto/simulators/idcloud/outcomes';
import type { IdcloudHouse } from '../e2e/idcloud-house.fixture.ts';
import { waitFor } from '../stack/wait-for.ts';
import { bodyOf } from './idcloud.fixture.ts';
import {
  type Asked,
  atFace,
  atIdcloud,
  CREATE,
  clientOf,
  completed,
  contract,
  face,
  failing,
  has,
  journey,
  rowOf,
  UNICO,
  unicoOf,
  upstreamIdOf,
  type WebhookAccount,
  webhooks,
} from './idcloud-contract-house.ts';
import type { ContractLine } from './run-contract.ts';

type Check = readonly [title: string, check: (house: IdcloudHouse) => Promise<void>];

const nowhere = randomUUID();

/** The value of a read that has to have gone well. */
function must<T>(read: Read<T>): T {
  assert(read.kind === 'ok', JSON.stringify(read));
  return read.value;
}

/** What is the same at the face and at IDCloud itself, ids aside: nothing is there. */
async function missing(house: IdcloudHouse, asked: Asked, expected: object): Promise<void> {
  for (const { status, json } of [await atFace(house, asked), await atIdcloud(house, asked)]) {
    has({ ...json, status }, expected);
  }
}
const noProcess = { status: 404, error: { code: 50001 } };

const clientChecks: Record<IdcloudOperation, readonly Check[]> = {
  createProcess: [
    [
      'names in any case, and a body that leaves as it came',
      async (house) => {
        const { subject, imageBase64 } = face();
        const body = { SUBJECT: { Code: subject.code, NAME: subject.name }, imagebase64: imageBase64 };
        has(await atFace(house, { route: CREATE, key: 'identity', body }), { status: 200, json: { status: 3 } });
        has(house.simulator.received.of('createProcess').at(-1)?.body, { subject, imageBase64 });
      },
    ],
    [
      'the same Idempotency-Key is the same process',
      async (house) => {
        const before = house.simulator.received.count('createProcess');
        const asked = { route: CREATE, key: 'identity', body: face(), headers: { 'idempotency-key': randomUUID() } };
        const [first, again] = [await atFace(house, asked), await atFace(house, asked)];
        assert.deepEqual(again.json, first.json);
        assert.equal(house.simulator.received.count('createProcess'), before + 1);
      },
    ],
    [
      'advice on the capture, and no refusal for it',
      async (house) => {
        const { headers } = await atFace(house, { route: CREATE, key: 'identity', body: face() });
        assert.match(
          headers.get('atesto-capture-advice') ?? '',
          /^size=\w+, brightness=\w+, contrast=\w+, sharpness=\w+$/,
        );
      },
    ],
  ],
  getProcess: [
    [
      'ours from the ledger, theirs live',
      async (house) => {
        const id = await completed(house, 'identity', face());
        const theirs = await upstreamIdOf(house, id);
        for (const one of [id, theirs]) {
          const { json } = await atFace(house, { route: `${CREATE}/${one}`, key: 'identity' });
          assert.deepEqual(json, { id: one, status: 3, unicoId: { result: 'yes' } });
        }
        has(await clientOf(house, 'identity').result('idcloud.process', theirs), {
          kind: 'ok',
          value: { final: true },
        });
      },
    ],
    ['nobody’s', (house) => missing(house, { route: `${CREATE}/${nowhere}`, key: 'identity' }, noProcess)],
  ],
  getProcessV2: [
    [
      'the person, in edition B; version 1 in D',
      async (house) => {
        const id = await completed(house, 'identity-b', face());
        const route = `/processes/v2/${id}`;
        const person = { processAdditionalInfo: { personDocument: testCpfs.yes } };
        has((await atFace(house, { route, key: 'identity-b' })).json, { id, ...person });
        has(must(await clientOf(house, 'identity-b').processV2(await upstreamIdOf(house, id))), person);
        const other = await completed(house, 'identity', face());
        const { json } = await atFace(house, { route: `/processes/v2/${other}`, key: 'identity' });
        assert.deepEqual(json, { id: other, status: 3, unicoId: { result: 'yes' } });
      },
    ],
    ['nobody’s', (house) => missing(house, { route: `/processes/v2/${nowhere}`, key: 'identity-b' }, noProcess)],
  ],
  listDocuments: [
    [
      'what can be used again',
      async (house) => {
        const query = { code: testCpfs['document-rg'], type: 'BR_CPF' };
        const route = `/documents/v1?${new URLSearchParams(query)}`;
        const [first] = must(await clientOf(house, 'documents-d').documents(query));
        has((await atFace(house, { route, key: 'documents-d' })).json.items[0], { ...first });
      },
    ],
    [
      'nothing, which is [{}]',
      async (house) => {
        const query = { code: testCpfs['no-document'], type: 'BR_RG' };
        const route = `/documents/v1?${new URLSearchParams(query)}`;
        assert.deepEqual(must(await clientOf(house, 'documents-d').documents(query)), []);
        assert.deepEqual((await atFace(house, { route, key: 'documents-d' })).json, { items: [{}] });
      },
    ],
  ],
};

/** A journey under our id and theirs. */
async function begin(house: IdcloudHouse, body: object): Promise<{ id: string; theirs: string }> {
  const made = await atFace(house, { route: UNICO, body });
  assert.equal(made.status, 200, made.text);
  const { id, userRedirectUrl } = made.json.process;
  const theirs = await upstreamIdOf(house, id);
  assert(userRedirectUrl.includes(theirs), 'the link is IDCloud’s');
  return { id, theirs };
}

async function finished(house: IdcloudHouse, body: object = journey()): Promise<{ id: string; theirs: string }> {
  const begun = await begin(house, body);
  assert(house.simulator.unico.finish(begun.theirs));
  return begun;
}

const noJourney = { status: 404, code: 5 };

/** Selfie and evidence set: there once the person was. */
const fileOf = (what: 'selfie' | 'evidenceset', read: 'selfie' | 'evidenceSet'): readonly Check[] => [
  [
    'there once the journey is made',
    async (house) => {
      const { id, theirs } = await begin(house, journey());
      const asked = { route: `${UNICO}/${id}/${what}` };
      has(await atFace(house, asked), { status: 404, json: { code: 5 } });
      house.simulator.unico.finish(theirs);
      const { fileContents, contentType } = must(await unicoOf(house)[read](theirs));
      const { json } = await atFace(house, asked);
      assert.equal(json.contentType, contentType);
      // A PDF says when it was drawn; its head is the same.
      assert.equal(json.fileContents.slice(0, 100), fileContents.slice(0, 100));
    },
  ],
  ['nobody’s', (house) => missing(house, { route: `${UNICO}/${nowhere}/${what}` }, noJourney)],
];

const signedOf = (what: 'file' | 'evidence', read: 'signedDocument' | 'signedDocumentEvidence'): readonly Check[] => [
  [
    'a PDF, by IDCloud’s document id',
    async (house) => {
      const { id } = await finished(house, journey('yes', 'idunicosign', contract));
      const [signature] = (await atFace(house, { route: `${UNICO}/${id}` })).json.process.services;
      const [documentId] = signature.documentIds;
      assert.match(must(await unicoOf(house)[read](documentId)).toString('latin1'), /^%PDF-/);
      const { headers, text } = await atFace(house, { route: `/api/v1/service/${what}/${documentId}` });
      assert.equal(headers.get('content-type'), 'application/pdf');
      assert.match(text, /^%PDF-/);
    },
  ],
  ['nobody’s', (house) => missing(house, { route: `/api/v1/service/${what}/${nowhere}` }, { status: 404 })],
];

const unicoChecks: Record<UnicoOperation, readonly Check[]> = {
  createUnicoProcess: [
    [
      'a link, and the whole answer sealed',
      async (house) => {
        const { id, theirs } = await begin(house, journey());
        has(await rowOf(house, id), { state: 'awaiting', upstreamStatus: 'PROCESS_STATE_CREATED' });
        assert(!JSON.stringify((await rowOf(house, id)).result).match(/token|http|Virtual/));
        has(await unicoOf(house).submit('idcloud.unico', bodyOf(journey())), { kind: 'taken' });
        assert.notEqual(id, theirs);
      },
    ],
  ],
  getUnicoProcess: [
    [
      'live, under our id',
      async (house) => {
        const { id, theirs } = await finished(house);
        const over = { state: 'PROCESS_STATE_FINISHED', result: 'PROCESS_RESULT_OK' };
        has((await atFace(house, { route: `${UNICO}/${id}` })).json, { process: { id, ...over } });
        has((await atFace(house, { route: `${UNICO}/${theirs}` })).json, { process: { id: theirs, ...over } });
        has(must(await unicoOf(house).process(theirs)), { id: theirs, ...over });
      },
    ],
    [
      'the latest known while IDCloud is away',
      async (house) => {
        const { id } = await begin(house, journey());
        await failing(house, 'getUnicoProcess', { status: 503 }, async () => {
          const { headers, json } = await atFace(house, { route: `${UNICO}/${id}` });
          assert.equal(headers.get('atesto-stale'), 'upstream-away');
          has(json, { process: { id, state: 'PROCESS_STATE_CREATED' } });
        });
      },
    ],
    ['nobody’s', (house) => missing(house, { route: `${UNICO}/${nowhere}` }, noJourney)],
  ],
  getSelfie: fileOf('selfie', 'selfie'),
  getEvidenceSet: fileOf('evidenceset', 'evidenceSet'),
  getSignedDocument: signedOf('file', 'signedDocument'),
  getSignedDocumentEvidence: signedOf('evidence', 'signedDocumentEvidence'),
};

/** Notices, proved in each of the ways. */
function webhookChecks(name: WebhookAccount): readonly Check[] {
  const at = (house: IdcloudHouse) => `${house.gateway.url}/webhooks/idcloud/${name}`;
  const post = async (house: IdcloudHouse, headers: Record<string, string>, body: string) =>
    (await fetch(at(house), { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body }))
      .status;
  return [
    [
      'a journey ends when its notice comes',
      async (house) => {
        const webhook = {
          url: at(house),
          authentication: webhooks[name],
          tokenUrl: `${at(house)}/token`,
          duplicates: 1,
        };
        const { status } = await fetch(`${house.simulator.url}/_admin/accounts/${name}`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ webhook }),
        });
        assert.equal(status, 204);
        const made = await atFace(house, { route: UNICO, body: journey(), headers: { 'atesto-account': name } });
        const { id } = made.json.process;
        const theirs = await upstreamIdOf(house, id);
        house.simulator.unico.finish(theirs);
        // Without a notice it is asked for after eight seconds at the earliest.
        const isOver = async () => (await rowOf(house, id)).state === 'concluded';
        await waitFor(isOver, { what: 'the end of a journey', timeoutMs: 7_000 });
        await house.simulator.webhooks.idle();
        const told = house.simulator.webhooks.deliveries.filter(({ processId }) => processId === theirs);
        assert.deepEqual(
          told.map(({ status: said }) => said),
          [204, 204],
        );
      },
    ],
    [
      'whoever does not prove it is refused',
      async (house) => {
        const body = JSON.stringify({ processId: nowhere });
        for (const headers of [{}, { authorization: 'Basic eDp5' }, { authorization: 'Bearer 1.x' }]) {
          assert.equal(await post(house, headers, body), 401);
        }
      },
    ],
  ];
}

const tokenChecks: readonly Check[] = [
  [
    'one for all keys, both products, gateway and workers',
    async (house) => {
      const { simulator } = house;
      const before = simulator.received.count('token');
      house.later(3_600_001);
      await Promise.all([
        atFace(house, { route: CREATE, key: 'identity', body: face() }),
        atFace(house, { route: CREATE, key: 'score', body: face() }),
        atFace(house, { route: UNICO, body: journey() }),
      ]);
      assert.equal(simulator.received.count('token'), before + 1);
    },
  ],
  [
    'renewed when IDCloud would not have it, and the process exists once',
    async (house) => {
      const { simulator } = house;
      simulator.identity.revokeAll();
      const [held, tokens] = [simulator.processes.all().length, simulator.received.count('token')];
      has(await atFace(house, { route: CREATE, key: 'identity', body: face() }), { json: { status: 3 } });
      assert.deepEqual([simulator.processes.all().length, simulator.received.count('token')], [held + 1, tokens + 1]);
    },
  ],
];

/** Every route: by Client, by Unico, notices, tokens. */
export function routeLines(house: () => IdcloudHouse): ContractLine[] {
  const line = (name: string, method: string, path: string, between: string, checks: readonly Check[]) => ({
    line: `route  ${name}  ${method} ${path}  ${between}`,
    checks: checks.map(([title, check]) => [title, () => check(house())] as const),
  });
  const operations = { ...idcloudOperations, ...unicoOperations };
  const checks = { ...clientChecks, ...unicoChecks };
  return [
    ...(Object.keys(operations) as (keyof typeof operations)[]).map((name) =>
      line(name, operations[name].method, operations[name].path, 'client simulator face', checks[name]),
    ),
    ...(Object.keys(webhooks) as WebhookAccount[]).map((name) =>
      line(
        `notice (${webhooks[name].type})`,
        'POST',
        '/webhooks/idcloud/{account}',
        'simulator face',
        webhookChecks(name),
      ),
    ),
    line('token', 'POST', '/oauth2/token', 'client simulator face', tokenChecks),
  ];
}

import path from 'node:path';
import { serviceSchema, timeout } from './common.ts';
import {
  calibrations,
  camera,
  contentOf,
  fingerList,
  flag,
  folder,
  httpUrl,
  integer,
  origins,
  port,
  text,
} from './kinds.ts';
import { type Environment, readSettings, type SettingsSchema } from './settings.ts';
import { spidTables } from './spid-tables.ts';

/** The bridge's variables, in the order of the docs. */
export const bridgeSchema = {
  PORT: {
    schema: port,
    about: "Port of the local face, on 127.0.0.1 only; the vendor's clients know this one.",
    fallback: '19980',
  },
  GATEWAY_URL: { schema: httpUrl, about: 'Origin of the gateway.' },
  GATEWAY_CA_FILE: {
    schema: contentOf('certificates in PEM'),
    about: "The gateway's private certificate authority.",
    absent: "the system's authorities",
  },
  STATION_KEY_FILE: {
    schema: folder,
    about: "The station's key. Written at enrolment, readable by this user only.",
    absent: '`<ATESTO_STATE_DIR>/station.key`',
  },
  ENROLMENT_CODE: {
    schema: text,
    about: 'One-time code that the gateway gave for this station; needed until the key is there.',
    absent: 'the station is enrolled already',
    secret: true,
  },
  ...serviceSchema,
  OUTBOX_FILE: {
    schema: folder,
    about: 'The database of captures that are not delivered yet.',
    absent: '`<ATESTO_STATE_DIR>/outbox.sqlite`',
  },
  OUTBOX_BYTES_MAX: {
    schema: integer(1_000_000, 1_000_000_000_000, 'bytes'),
    about: 'When the outbox is as large as this, new captures are refused.',
    fallback: '2000000000',
  },
  ALLOWED_ORIGINS: { schema: origins, about: 'Pages that may use the local face.', absent: 'no page may' },
  PAIRING_TOKEN: {
    schema: text,
    about: 'Shared with the paired console, which sends it along.',
    absent: 'no browser is let in',
    secret: true,
  },
  REQUIRE_TOKEN_FOR_LOCAL: {
    schema: flag,
    about: "Ask programs outside a browser for the token too; the vendor's clients do not have one.",
    fallback: 'false',
  },
  CAPTURE_PLAN_ENROLL: plan('enrolment', '`6,7,3,2`: index and middle of both hands'),
  CAPTURE_PLAN_VERIFY: plan('verification', '`6,7,3,2`: index and middle of both hands'),
  CAPTURE_PLAN_OPERATOR: plan("the operator's own authentication", '`6`: right index'),
  CAPTURE_TIMEOUT_MS: timeout('Time for each finger, or a face, to come.', 30_000),
  CAMERA: {
    schema: camera,
    about: 'What takes faces: a virtual camera that gives a picture, or those of a folder in turn.',
    fallback: 'none',
  },
  VERDICT_WAIT_S: {
    schema: integer(0, 50, 'seconds'),
    about: 'How long Capture Send waits for the verdict of a verification. The relay gives up after 60 s.',
    fallback: '30',
  },
  CALIBRATION: {
    schema: calibrations,
    about: 'Geometry by reader model, over the built-in one.',
    absent: 'the built-in ones',
  },
} as const satisfies SettingsSchema;

function plan<const Purpose extends string>(purpose: Purpose, absent: string) {
  return {
    schema: fingerList,
    about: `Fingers to capture for ${purpose}, in order: 0 left little, 4 left thumb, 5 right thumb, 9 right little.`,
    absent,
  } as const;
}

/** @throws SettingsError */
export function readBridgeSettings(environment: Environment) {
  const { values, summary } = readSettings(bridgeSchema, environment);
  const { CAPTURE_PLAN_ENROLL: enroll, CAPTURE_PLAN_VERIFY: verify, CAPTURE_PLAN_OPERATOR: operator } = values;
  const stateDir = values.ATESTO_STATE_DIR;
  return {
    port: values.PORT,
    logLevel: values.LOG_LEVEL,
    stateDir,
    keys: { kek: values.ATESTO_KEK, indexKey: values.ATESTO_INDEX_KEY },
    gateway: { url: values.GATEWAY_URL, ...(values.GATEWAY_CA_FILE !== undefined && { ca: values.GATEWAY_CA_FILE }) },
    stationKeyFile: values.STATION_KEY_FILE ?? path.join(stateDir, 'station.key'),
    enrolmentCode: values.ENROLMENT_CODE,
    routes: spidTables(values.SPID_PROFILE).services,
    outboxFile: values.OUTBOX_FILE ?? path.join(stateDir, 'outbox.sqlite'),
    outboxMaxBytes: values.OUTBOX_BYTES_MAX,
    allowedOrigins: values.ALLOWED_ORIGINS ?? [],
    ...(values.PAIRING_TOKEN !== undefined && { pairingToken: values.PAIRING_TOKEN }),
    requireTokenForLocal: values.REQUIRE_TOKEN_FOR_LOCAL,
    plans: { ...(enroll && { enroll }), ...(verify && { verify }), ...(operator && { operator }) },
    fingerTimeoutMs: values.CAPTURE_TIMEOUT_MS,
    verdictWait: values.VERDICT_WAIT_S,
    cameraFile: values.CAMERA,
    ...(values.CALIBRATION !== undefined && { calibrations: values.CALIBRATION }),
    summary,
  };
}

export type BridgeSettings = ReturnType<typeof readBridgeSettings>;

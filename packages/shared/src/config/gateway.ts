import { serviceSchema, storageSchema, timeout, upstreamSchema } from './common.ts';
import { houseSettings } from './house.ts';
import { integer, port, text } from './kinds.ts';
import { type Environment, readSettings, type SettingsSchema } from './settings.ts';

/** The gateway's variables, in the order of the docs. */
export const gatewaySchema = {
  HOST: { schema: text, about: 'Address to listen on. TLS ends in front of the gateway.', fallback: '127.0.0.1' },
  PORT: { schema: port, about: 'Port to listen on.', fallback: '8080' },
  ...serviceSchema,
  ...storageSchema,
  ...upstreamSchema,
  CAPTURE_BYTES_MAX: {
    schema: integer(1_000, 100_000_000, 'bytes'),
    about: 'Largest capture that is taken.',
    fallback: '12000000',
  },
  IMAGE_SIDE_MAX: {
    schema: integer(100, 20_000, 'pixels'),
    about: 'Longest side of a picture that is taken.',
    fallback: '4096',
  },
  JSON_BYTES_MAX: {
    schema: integer(1_000, 10_000_000, 'bytes'),
    about: 'Largest JSON body of a native route.',
    fallback: '65536',
  },
  WAIT_MS_MAX: {
    schema: integer(1, 80_000, 'milliseconds'),
    about: 'Longest time that a caller is held for an answer. Silent connections are cut after 90 s.',
    fallback: '60000',
  },
  REQUEUE_MS: timeout('After this the sweep takes up an accepted transaction whose job was lost.', 15_000),
} as const satisfies SettingsSchema;

/** @throws SettingsError */
export function readGatewaySettings(environment: Environment) {
  const { values, summary } = readSettings(gatewaySchema, environment);
  return {
    host: values.HOST,
    port: values.PORT,
    ...houseSettings(values),
    limits: {
      captureBytesMax: values.CAPTURE_BYTES_MAX,
      imageSideMax: values.IMAGE_SIDE_MAX,
      jsonBytesMax: values.JSON_BYTES_MAX,
      waitMsMax: values.WAIT_MS_MAX,
      requeueMs: values.REQUEUE_MS,
    },
    summary,
  };
}

export type GatewaySettings = ReturnType<typeof readGatewaySettings>;

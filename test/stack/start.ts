import { existsSync } from 'node:fs';
import path from 'node:path';
import { gatewaySchema } from '@atesto/shared/config/gateway';
import { workersSchema } from '@atesto/shared/config/workers';
import { SPID_SERVICES_PORT } from '@atesto/shared/contracts/spid-services';
import { person } from '@atesto/simulators/people/person';
import { openHouse } from './house.ts';
import { openProcesses } from './processes.ts';
import { register } from './register.ts';

/**
 * `npm start`: the whole house on embedded defaults, until Ctrl-C. Ledger, vault and keys stay in `.atesto/house` for the next start; the simulators
 * forget. Settings in the environment take the place of the defaults, so SPID_SERVER_URL points the house at a real server.
 */
const dir = path.resolve('.atesto/house');
const processes = openProcesses({ logDir: path.join(dir, 'logs'), endWithUs: true });
const given = Object.keys({ ...gatewaySchema, ...workersSchema }).flatMap((name) => {
  const value = process.env[name];
  return value === undefined || name === 'PORT' ? [] : [[name, value] as const];
});

const house = await openHouse({
  dir,
  processes,
  postgresDir: path.resolve('.atesto/postgres'),
  gatewayPort: Number(process.env.PORT ?? 8080),
  env: Object.fromEntries(given),
  report: (line) => console.log(`  · ${line}`),
});
const { administratorKey } = house;
const operator = person('operator Rosa');
await register(house, 'operators', operator);
let code: string | undefined;
if (administratorKey && !existsSync(path.join(dir, 'station-desk', 'station.key'))) {
  const route = '/v1/stations/enrolments';
  ({ code } = await house.api<{ code: string }>(administratorKey, 'POST', route, { name: 'desk' }));
}
const station = await house.startStation({ name: 'desk', port: SPID_SERVICES_PORT, ...(code ? { code } : {}) });

console.log(`
Gateway          ${house.gateway.url}   (description at /openapi.json)
Administrator    ${administratorKey ?? 'as printed at the first start'}
SPID Services    ${station.url}/gbs-spid-services/api
SPID Server      ${house.spid.url}   (simulated)
IDCloud          ${house.idcloud.url}   (simulated; docs/idcloud.md)
APIKEYs          ${Object.values(house.idcloud.keys).join(' ')}
Logs             ${path.relative('.', path.join(dir, 'logs'))}

Try it: log the virtual operator in, enroll somebody, and lay their fingers on the virtual reader.
  curl ${station.url}/gbs-spid-services/api/login/${operator.cpf}
  curl ${station.url}/gbs-spid-services/api/enroll/${person('somebody').cpf}
  curl ${station.url}/gbs-spid-services/api/capture/status
  curl -X PUT -H 'content-type: application/json' -d '{"person":"somebody","index":6,"impression":1}' ${station.handUrl}/finger
The reader asks for right index (6), right middle (7), left index (3), left middle (2). The operator is "operator Rosa".

Ctrl-C ends everything.`);

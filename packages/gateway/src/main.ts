/** Entry of the gateway service. Settings are environment variables (`@atesto/shared/config/gateway`). */
import { runGateway } from './run.ts';

const code = await runGateway(process.env);
// What had been opened before a start failed would keep the process there, half-alive and never ready.
if (code !== 0) process.exit(code);

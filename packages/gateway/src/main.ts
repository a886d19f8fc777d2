/** Entry of the gateway service. Settings are environment variables (`@atesto/shared/config/gateway`). */
import { runGateway } from './run.ts';

process.exitCode = await runGateway(process.env);

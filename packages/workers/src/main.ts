/** Entry of the workers service. Settings are environment variables (`@atesto/shared/config/workers`). */
import { runWorkers } from './run.ts';

const code = await runWorkers(process.env);
// What had been opened before a start failed would keep the process there, half-alive and never ready.
if (code !== 0) process.exit(code);

/** Entry of the workers service. Settings are environment variables (`@atesto/shared/config/workers`). */
import { runWorkers } from './run.ts';

process.exitCode = await runWorkers(process.env);

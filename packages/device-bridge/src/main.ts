/** Entry of the bridge service. Settings are environment variables (`@atesto/shared/config/bridge`). */
import { runBridge } from './run.ts';

const code = await runBridge(process.env);
// What had been opened before a start failed would keep the process there, half-alive and never ready.
if (code !== 0) process.exit(code);

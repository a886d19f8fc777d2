/** Entry of the bridge service. Settings are environment variables (`@atesto/shared/config/bridge`). */
import { runBridge } from './run.ts';

process.exitCode = await runBridge(process.env);

// The same as `empty-server.mjs`, in TypeScript: what stripping types at start leaves behind in memory.
import { createServer } from 'node:http';

const server = createServer((_request, response): void => void response.end());
server.listen(0, '127.0.0.1', () => process.stdout.write('listening\n'));

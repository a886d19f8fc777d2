// The least that a service on Node can be, for comparison. Plain JavaScript: stripping types takes memory.
import { createServer } from 'node:http';

createServer((_request, response) => response.end()).listen(0, '127.0.0.1', () => process.stdout.write('listening\n'));

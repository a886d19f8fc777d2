/** The stub of SPID Server in a process of its own. Its argument: milliseconds that an answer is held. */
import { answerParent } from './child.ts';
import { openStubServer } from './stub.ts';

const stub = await openStubServer({ latencyMs: Number(process.argv[2]) });
answerParent({ url: () => stub.url, take: () => stub.take(), until: (count: number) => stub.until(count) });

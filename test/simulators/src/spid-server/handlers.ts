import type { SpidServerOperationName } from '@atesto/shared/contracts/spid-server-operations';
import type { HandlerContext, HandlersOf } from './http.ts';
import { operatorHandlers } from './operator-handlers.ts';
import { peopleHandlers } from './people-handlers.ts';
import { remoteHandlers } from './remote-handlers.ts';
import { serviceHandlers } from './service-handlers.ts';
import { sessionHandlers } from './session-handlers.ts';
import { sessionSubmissions } from './session-submissions.ts';

/** What each operation of the table does. A missing one does not compile. */
export function createHandlers(context: HandlerContext): HandlersOf<SpidServerOperationName> {
  return {
    ...peopleHandlers(context),
    ...operatorHandlers(context),
    ...remoteHandlers(context),
    ...serviceHandlers(context),
    ...sessionHandlers(context),
    ...sessionSubmissions(context),
  };
}

import type { SpidServerOperationName } from '@atesto/shared/contracts/spid-server-operations';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type * as z from 'zod';
import type { Matchers } from './biometrics.ts';
import { sendError } from './errors.ts';
import type { ReportForm } from './report.ts';
import type { SpidState } from './state.ts';
import type { SystemServices } from './system.ts';

export interface HandlerOptions {
  matchers: Matchers;
  unknownPerson: 'search-failed' | 'not-found';
  checkOperators: boolean;
  operatorStatus: 200 | 302;
  deletionStatus: 200 | 204;
  reportForm: ReportForm;
  keepPictures: boolean;
  /** Until a remote capture's link is void. */
  remoteTtlMs: number;
  /** False leaves the call that tells of a captured face to somebody else; true makes it at once. */
  remoteNotifies: boolean;
  credentials: { username: string; password: string } | undefined;
  /** Root of the links that applicants open. */
  publicUrl(): string;
}

/** What every handler works with. */
export interface HandlerContext {
  state: SpidState;
  options: HandlerOptions;
  system: SystemServices;
}

export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;
/** Handlers of some operations; together they have to be all. */
export type HandlersOf<Name extends SpidServerOperationName> = Record<Name, Handler>;

/** A path variable. The guard has checked its form. */
export function variableOf(request: FastifyRequest, name: string): string {
  return (request.params as Record<string, string>)[name] ?? '';
}

/** A body or query by its schema, or undefined after the refusal has been sent. It names fields, never what is in them. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  reply: FastifyReply,
): z.output<Schema> | undefined {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.code}`);
  sendError(reply, 400, errors);
  return undefined;
}

export function sendJson(reply: FastifyReply, status: number, body: unknown): FastifyReply {
  return reply.code(status).type('application/json').send(JSON.stringify(body));
}

export function sendNothing(reply: FastifyReply, status: number): FastifyReply {
  return reply.code(status).send();
}

/** Whether an operator may submit; otherwise the refusal has been sent. */
export function mayAct({ state, options }: HandlerContext, operator: string, reply: FastifyReply): boolean {
  if (!options.checkOperators) return true;
  state.settle();
  const status = state.operators.get(operator)?.status;
  if (status === 'VERIFIED' || status === 'GOD_MODE') return true;
  sendError(reply, 422, ['operator may not submit'], 'PROCESSING_ERROR');
  return false;
}

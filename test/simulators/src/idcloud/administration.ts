import type { FastifyReply } from 'fastify';
import * as z from 'zod';
import { type AccountState, accountStates } from './accounts.ts';
import type { SimulatorContext } from './context.ts';
import { courseNames } from './outcomes.ts';
import { unicoBody } from './unico-answers.ts';
import type { UnicoProcess } from './unico-processes.ts';
import { webhookRegistration } from './webhooks.ts';

const courseRequest = z.strictObject({ course: z.enum(courseNames) });
const accountRequest = z.strictObject({
  state: z.enum(Object.keys(accountStates) as [AccountState, ...AccountState[]]).optional(),
  /** Null takes it away. */
  webhook: webhookRegistration.nullable().optional(),
});

/**
 * What the simulator's keeper may do, from another process too:
 *
 *   PUT    /_admin/courses/{cpf}           {course}              sets a subject's course
 *   DELETE /_admin/tokens                                        revokes every token
 *   GET    /_admin/processes                                     of by Client, without pictures
 *   POST   /_admin/processes/{id}/finish                         takes one to its end
 *   GET    /_admin/unico                                         of by Unico
 *   POST   /_admin/unico/{id}/finish       {course?}             lets the person go through the journey
 *   PUT    /_admin/accounts/{name}         {state?, webhook?}    changes an account
 *   GET    /_admin/budget                                        calls let through and refused, by account and operation
 *   GET    /_admin/webhooks                                      attempts to deliver notices
 *   GET    /process/{id}                                         the person's page of a journey
 */
export function addAdministration(context: SimulatorContext): void {
  const { app, accounts, identity, processes, unico, webhooks } = context;
  app.put<{ Params: { cpf: string } }>('/_admin/courses/:cpf', async (request, reply) => {
    const parsed = courseRequest.safeParse(request.body);
    if (!parsed.success) return badRequest(reply, parsed.error);
    context.setCourse(request.params.cpf, parsed.data.course);
    return reply.code(204).send();
  });
  app.delete('/_admin/tokens', async (_request, reply) => {
    identity.revokeAll();
    return reply.code(204).send();
  });
  app.get('/_admin/processes', async () =>
    processes.all().map(({ id, kind, account, subject, course, status }) => ({
      ...{ id, kind, account, subject, course, status },
    })),
  );
  app.post<{ Params: { id: string } }>('/_admin/processes/:id/finish', async (request, reply) =>
    reply.code(processes.finish(request.params.id) ? 204 : 404).send(),
  );
  app.get('/_admin/unico', async () =>
    unico.all().map(({ id, account, course, state, result, request: { flow } }) => ({
      ...{ id, account, course, state, result, flow },
    })),
  );
  app.post<{ Params: { id: string } }>('/_admin/unico/:id/finish', async (request, reply) => {
    const given = request.body instanceof URLSearchParams ? Object.fromEntries(request.body) : (request.body ?? {});
    const parsed = courseRequest.partial().safeParse(given);
    if (!parsed.success) return badRequest(reply, parsed.error);
    const finished = unico.finish(request.params.id, parsed.data.course);
    return finished ? reply.send(unicoBody(finished, context)) : reply.code(404).send();
  });
  app.put<{ Params: { name: string } }>('/_admin/accounts/:name', async (request, reply) => {
    const parsed = accountRequest.safeParse(request.body);
    if (!parsed.success) return badRequest(reply, parsed.error);
    const account = accounts.find(({ name }) => name === request.params.name);
    if (!account) return reply.code(404).send();
    const { state, webhook } = parsed.data;
    if (state) account.state = state;
    if (webhook !== undefined) account.webhook = webhook ?? undefined;
    return reply.code(204).send();
  });
  app.get('/_admin/budget', async () => Object.fromEntries(accounts.map(({ name, budget }) => [name, budget.spent])));
  app.get('/_admin/webhooks', async () => webhooks.deliveries);
  app.get<{ Params: { id: string } }>('/process/:id', async (request, reply) => {
    const process = unico.get(request.params.id);
    return process ? reply.type('text/html').send(page(process)) : reply.code(404).send();
  });
}

/** Where a person would take the selfie: a choice of how it goes. */
function page({ id, state }: UnicoProcess): string {
  const choices = courseNames.map((name) => `<option>${name}</option>`).join('');
  const form = `<form method="post" action="/_admin/unico/${id}/finish"><select name="course">${choices}</select> <button>Finish</button></form>`;
  return `<!doctype html><meta charset="utf-8"><title>by Unico (simulator)</title><p>Journey: ${state}.</p>${state === 'PROCESS_STATE_CREATED' ? form : ''}`;
}

function badRequest(reply: FastifyReply, error: z.ZodError): FastifyReply {
  return reply.code(400).send({ error: z.prettifyError(error) });
}

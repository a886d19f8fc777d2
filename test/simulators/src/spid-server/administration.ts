import { biometric, operatorStatuses } from '@atesto/shared/contracts/spid-server';
import type { FastifyInstance, FastifyReply } from 'fastify';
import * as z from 'zod';
import { readAll } from './biometrics.ts';
import type { HandlerContext } from './http.ts';
import { submitFace } from './remote-handlers.ts';
import { elevenDigits } from './validate.ts';

const personSeed = z.strictObject({ biometrics: z.array(biometric).min(1) });
const operatorSeed = z.strictObject({
  status: z.enum(operatorStatuses).default('VERIFIED'),
  biometrics: z.array(biometric).default([]),
});
const face = z.strictObject({ image: z.string().min(1) });
const service = z.enum(['ACTIVE', 'INACTIVE']);
const services = z
  .strictObject({ psbioStatus: service, spidxStatus: service, gbdsStatus: service, idnStatus: service })
  .partial();
const treatment = z.strictObject({ status: z.string().min(1) });

/**
 * What the simulator's keeper may do, from another process too:
 *
 *   PUT, DELETE /_admin/people/{cpf}      {biometrics: Biometric[]}             enrols at once, forgets
 *   PUT, DELETE /_admin/operators/{cpf}   {status?, biometrics?: Biometric[]}   registers, removes
 *   GET         /_admin/transactions                                            what it holds, without pictures
 *   PUT         /_admin/transactions/{tguid}  {status}                          treats an exception by hand
 *   GET         /_admin/remote                                                  remote captures, with their links' tokens
 *   PUT         /_admin/remote/{tguid}/face   {image}                           the applicant's face, without the link
 *   PUT         /_admin/services    {psbioStatus?, …: ACTIVE | INACTIVE}        what getStatus says
 */
export function addAdministration(app: FastifyInstance, context: HandlerContext): void {
  const { state, system } = context;
  app.put<{ Params: { cpf: string } }>('/_admin/people/:cpf', async (request, reply) => {
    const cpf = elevenDigits(request.params.cpf);
    const parsed = personSeed.safeParse(request.body);
    if (!cpf || !parsed.success) return badRequest(reply, parsed.error);
    const biometrics = readAll(parsed.data.biometrics);
    if (typeof biometrics === 'string') return reply.code(400).send({ error: biometrics });
    state.seedPerson(cpf, biometrics);
    return reply.code(204).send();
  });
  app.put<{ Params: { cpf: string } }>('/_admin/operators/:cpf', async (request, reply) => {
    const cpf = elevenDigits(request.params.cpf);
    const parsed = operatorSeed.safeParse(request.body ?? {});
    if (!cpf || !parsed.success) return badRequest(reply, parsed.error);
    const biometrics = readAll(parsed.data.biometrics);
    if (typeof biometrics === 'string') return reply.code(400).send({ error: biometrics });
    state.seedOperator(cpf, parsed.data.status, biometrics);
    return reply.code(204).send();
  });
  app.delete<{ Params: { cpf: string } }>('/_admin/people/:cpf', async (request, reply) =>
    reply.code(state.people.delete(request.params.cpf) ? 204 : 404).send(),
  );
  app.delete<{ Params: { cpf: string } }>('/_admin/operators/:cpf', async (request, reply) =>
    reply.code(state.operators.delete(request.params.cpf) ? 204 : 404).send(),
  );
  app.get('/_admin/transactions', async () =>
    state.transactions().map(({ biometrics, ...rest }) => ({ ...rest, indexes: biometrics.map((one) => one.index) })),
  );
  app.put<{ Params: { tguid: string } }>('/_admin/transactions/:tguid', async (request, reply) => {
    const parsed = treatment.safeParse(request.body);
    if (!parsed.success) return badRequest(reply, parsed.error);
    return reply.code(state.treat(request.params.tguid, parsed.data.status) ? 204 : 404).send();
  });
  app.get('/_admin/remote', async () => {
    state.settle();
    return state.remote.all().map(({ face: _, ...rest }) => rest);
  });
  app.put<{ Params: { tguid: string } }>('/_admin/remote/:tguid/face', async (request, reply) => {
    const parsed = face.safeParse(request.body);
    if (!parsed.success) return badRequest(reply, parsed.error);
    const capture = state.remote.get(request.params.tguid);
    if (!capture) return reply.code(404).send();
    const refused = submitFace(context, capture, parsed.data.image);
    return refused ? reply.code(refused.status).send({ error: refused.error }) : reply.code(204).send();
  });
  app.put('/_admin/services', async (request, reply) => {
    const parsed = services.safeParse(request.body);
    if (!parsed.success) return badRequest(reply, parsed.error);
    system.services = { ...system.services, ...(parsed.data as typeof system.services) };
    return reply.code(204).send();
  });
}

function badRequest(reply: FastifyReply, error: z.ZodError | undefined): FastifyReply {
  return reply.code(400).send({ error: error ? z.prettifyError(error) : 'not a CPF' });
}

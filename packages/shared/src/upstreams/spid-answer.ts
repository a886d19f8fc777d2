import { errorResponse, errorTypes } from '../contracts/spid-server.ts';
import type { SpidServerAnswer } from '../contracts/spid-server-operation.ts';
import { type HttpAnswer, parseJson } from './exchange.ts';
import { readReport } from './spid-report.ts';

export type Understood = { value: unknown } | 'empty' | undefined;

/** What a success says. `empty`: there is no body where the operation has one; undefined: it cannot be read. */
export function understand(form: SpidServerAnswer, body: Buffer): Understood {
  switch (form.form) {
    case 'none':
      return { value: undefined };
    case 'file':
      return body.length === 0 ? 'empty' : { value: body };
    case 'text':
      return readText(body);
    case 'report': {
      const value = readReport(body);
      return value && { value };
    }
    case 'json': {
      if (body.length === 0) return form.optional ? { value: undefined } : 'empty';
      const parsed = form.schema.safeParse(parseJson(body));
      if (parsed.success) return { value: parsed.data };
      // What may be left out is also not relied upon.
      return form.optional ? { value: undefined } : undefined;
    }
    default:
      return form satisfies never;
  }
}

/** Java renders a string as it is or as JSON, by the media type that was negotiated. */
function readText(body: Buffer): Understood {
  const text = body.toString('utf8').trim();
  if (text === '') return 'empty';
  const value = text.startsWith('"') ? parseJson(body) : text;
  return typeof value === 'string' ? { value } : undefined;
}

/** The vendor's error type, where it is one of the four. Its messages are not read: they may name people. */
export function errorTypeOf(answer: HttpAnswer): string | undefined {
  const parsed = answer.body && errorResponse.safeParse(parseJson(answer.body));
  const type = parsed?.success ? parsed.data.type : undefined;
  return errorTypes.find((known) => known === type);
}

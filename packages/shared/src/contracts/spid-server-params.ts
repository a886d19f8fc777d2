import { parseCpf } from '../domain/cpf.ts';
import { deletionReasons, operatorStatuses } from './spid-server.ts';

/** Path variables that name a person: eleven digits on the wire, check digits that hold. A search key is a CPF as far as is published. */
const cpfs = new Set(['cpf', 'key', 'document']);
const words: Readonly<Record<string, readonly string[]>> = { mot: deletionReasons, status: operatorStatuses };
/** Everything else is a transaction's or session's id: opaque, but no text with spaces or slashes. */
const id = /^[\w.:-]{1,128}$/;

/** Names of the variables in a path template. */
export function pathVariables(path: string): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
}

/** The path with its variables filled in and escaped. @throws RangeError when one is missing, or would change the path (`..`). */
export function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined || value === '' || value === '.' || value === '..') {
      throw new RangeError(`path variable ${name} is missing`);
    }
    return encodeURIComponent(value);
  });
}

/** What is wrong with an operation's path variables, without what is in them; empty where nothing is. */
export function checkPathParams(path: string, params: Readonly<Record<string, string>>): string[] {
  return pathVariables(path).flatMap((name) => {
    const value = params[name] ?? '';
    if (cpfs.has(name)) return elevenDigits(value) ? [] : [`${name}: not a CPF`];
    const known = Object.hasOwn(words, name) ? words[name] : undefined;
    if (known) return known.includes(value) ? [] : [`${name}: not one of ${known.join(', ')}`];
    return id.test(value) ? [] : [`${name}: not an id`];
  });
}

function elevenDigits(text: string): boolean {
  return /^\d{11}$/.test(text) && parseCpf(text) !== undefined;
}

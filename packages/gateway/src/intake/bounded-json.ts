import { isUtf8 } from 'node:buffer';

/** More than any request has; a process with every field set has thirty. */
const VALUES_MAX = 2_000;
const DEPTH_MAX = 16;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * Parses a body that has to be a JSON object. Its structure is counted before anything is built: a body of a hundred thousand keys, or one nested a
 * hundred thousand deep, costs one pass over its bytes. A name that an object has twice makes it none either: whoever reads it next might take the
 * other.
 * @returns undefined where it is none
 */
export function parseBoundedObject(body: Buffer): Record<string, unknown> | undefined {
  const members = countMembers(body);
  if (members === undefined || !isUtf8(body)) return undefined;
  try {
    const json: unknown = JSON.parse(body.toString());
    return isObject(json) && membersOf(json) === members ? json : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Members of all objects together; undefined beyond the limits. */
function countMembers(body: Buffer): number | undefined {
  let members = 0;
  let values = 0;
  let depth = 0;
  for (let at = 0; at < body.length; at++) {
    switch (body[at]) {
      case QUOTE:
        at = endOfText(body, at);
        if (at < 0) return undefined;
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        if (++depth > DEPTH_MAX) return undefined;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        depth--;
        break;
      case COLON:
        members++;
        if (++values > VALUES_MAX) return undefined;
        break;
      case COMMA:
        if (++values > VALUES_MAX) return undefined;
    }
  }
  return members;
}

/** Where the text that begins at `start` ends; −1 where it does not. Looks for quotes only: a picture is one jump. */
function endOfText(body: Buffer, start: number): number {
  for (let at = body.indexOf(QUOTE, start + 1); at >= 0; at = body.indexOf(QUOTE, at + 1)) {
    let before = at - 1;
    while (before > start && body[before] === BACKSLASH) before--;
    if ((at - before) % 2 === 1) return at;
  }
  return -1;
}

function membersOf(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + membersOf(item), 0);
  if (!isObject(value)) return 0;
  const members = Object.values(value);
  return members.reduce<number>((sum, item) => sum + membersOf(item), members.length);
}

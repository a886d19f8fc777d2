import { isObject } from './bounded-json.ts';

/** Every name of a request as edition D writes it. IDCloud reads them in any case; older editions write `imagebase64` and `Code`. */
const names = new Map(
  [
    ...['subject', 'code', 'name', 'email', 'phone', 'gender', 'birthDate', 'duiType', 'clientReference'],
    ...['useCase', 'subsidiaryId', 'imageBase64', 'referenceProcessId'],
    ...['references', 'referenceType', 'referenceContent'],
    ...['document', 'purpose', 'authProcessId', 'documentId', 'files', 'data'],
  ].map((name) => [name.toLowerCase(), name] as const),
);

/**
 * The same value with IDCloud's names in camel case; `changed` where it was not so before. Names that nobody knows stay as they are.
 * @returns undefined where an object has one name in two spellings: which of them counts is the reader's guess
 */
export function inCamelCase(value: unknown): { value: unknown; changed: boolean } | undefined {
  let changed = false;
  let twice = false;
  const convert = (one: unknown): unknown => {
    if (Array.isArray(one)) return one.map(convert);
    if (!isObject(one)) return one;
    const members = Object.entries(one).map(([name, member]) => {
      const known = names.get(name.toLowerCase()) ?? name;
      changed ||= known !== name;
      return [known, convert(member)] as const;
    });
    twice ||= new Set(members.map(([name]) => name)).size < members.length;
    return Object.fromEntries(members);
  };
  const converted = convert(value);
  return twice ? undefined : { value: converted, changed };
}

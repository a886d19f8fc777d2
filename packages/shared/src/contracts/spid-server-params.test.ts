import { describe, expect, it } from 'vitest';
import { checkPathParams, fillPath } from './spid-server-params.ts';

describe('fillPath', () => {
  it('escapes what is filled in', () => {
    expect(fillPath('/a/{x}/b/{y}', { x: '1/2?', y: 'ç' })).toBe('/a/1%2F2%3F/b/%C3%A7');
  });

  it.each([[{}], [{ x: '' }], [{ x: '.' }], [{ x: '..' }]])('refuses %o, which would be another path', (params) => {
    expect(() => fillPath('/a/{x}', params)).toThrow('path variable x is missing');
  });
});

describe('checkPathParams', () => {
  it.each<[string, Record<string, string>, string[]]>([
    ['/delete/{cpf}', { cpf: '12345678909' }, []],
    ['/delete/{cpf}', { cpf: '123.456.789-09' }, ['cpf: not a CPF']],
    ['/delete/{cpf}/{mot}', { cpf: '1', mot: 'X' }, ['cpf: not a CPF', 'mot: not one of E, F']],
    ['/verify/{tguid}', { tguid: 'a b' }, ['tguid: not an id']],
    ['/verify/{tguid}', {}, ['tguid: not an id']],
    ['/status', {}, []],
  ])('%s with %o', (path, params, errors) => expect(checkPathParams(path, params)).toEqual(errors));
});

import { type Random, random } from '../people/random.ts';
import type { CourseDocument } from './outcomes.ts';

/**
 * What is read from a virtual person's document: nobody's, drawn from the CPF. What could not be read is left out, as the product leaves it out: a
 * document here and there lacks a field.
 * @param isTheirs false puts another number in the place of the CPF
 */
export function documentContent(type: CourseDocument['type'], cpf: string, isTheirs: boolean): object {
  const draw = random(`document ${type} ${cpf}`);
  const cpfNumero = isTheirs ? cpf : digits(draw, 11);
  const nomeCivil = `Pessoa Virtual ${cpf.slice(5, 9)}`;
  const filiacao = [`Mãe Virtual ${cpf.slice(5, 9)}`, `Pai Virtual ${cpf.slice(5, 9)}`];
  const dataNascimento = day(draw, 1950, 2003);
  const dataEmissao = day(draw, 2012, 2024);
  switch (type) {
    case 'cnh':
      return {
        numero: digits(draw, 11),
        rgNumero: `${digits(draw, 9)} SSP SP`,
        cpfNumero,
        nomeCivil,
        filiacao,
        dataNascimento,
        dataHabilitacao: day(draw, 2004, 2011),
        dataExpiracao: day(draw, 2027, 2034),
        dataEmissao,
        localEmissao: 'São Paulo SP',
        categoria: 'B',
        ...(draw.chance(0.8) ? { renachNumero: `SP${digits(draw, 9)}` } : {}),
      };
    case 'rg':
      return {
        numero: digits(draw, 9),
        orgaoEmissor: 'Secretaria da Segurança Pública (SSP)',
        ufEmissor: 'UF_SP',
        ...(draw.chance(0.7) ? { cpfNumero } : {}),
        nomeCivil,
        filiacao,
        dataNascimento,
        naturalidade: 'São Paulo SP',
        dataEmissao,
      };
    case 'cin':
      return {
        rgNumero: cpfNumero,
        cpfNumero,
        nomeCivil,
        nomeSocial: nomeCivil,
        filiacao,
        dataNascimento,
        dataExpiracao: day(draw, 2030, 2034),
        dataEmissao,
        orgaoEmissor: 'Detran/RJ',
        localEmissao: 'Rio de Janeiro RJ',
        naturalidade: 'Rio de Janeiro RJ',
        nacionalidade: 'BRA',
      };
    case 'passport':
      return {
        numero: `VV${digits(draw, 6)}`,
        nome: 'PESSOA',
        sobrenome: `VIRTUAL ${cpf.slice(5, 9)}`,
        paisEmissor: 'BRA',
        nacionalidade: 'BRASILEIRO(A)',
        // The product's own word for what a passport of abroad lacks.
        naturalidade: '<nil>',
        dataNascimento,
        dataEmissao,
        dataExpiracao: day(draw, 2027, 2034),
        autoridade: 'SR/DPF/SP',
      };
    case 'unknown':
      return {};
    default:
      return type satisfies never;
  }
}

function digits(draw: Random, count: number): string {
  return Array.from({ length: count }, () => draw.integer(0, 9)).join('');
}

function day(draw: Random, from: number, to: number): string {
  const month = String(draw.integer(1, 12)).padStart(2, '0');
  const date = String(draw.integer(1, 28)).padStart(2, '0');
  return `${draw.integer(from, to)}-${month}-${date}T00:00:00Z`;
}

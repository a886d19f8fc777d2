import type { CaptureDevice, CaptureQuality } from '@atesto/shared/domain/capture';
import { isSpidKind } from '@atesto/shared/domain/transaction';
import type { ReportCapture, ReportEvent, ReportFacts, ReportPerson } from './report-facts.ts';
import type { ReportSeal } from './report-seal.ts';
import type { Line } from './sheet.ts';
import { Sheet } from './sheet.ts';
import {
  absenceWord,
  biometricWord,
  eventWord,
  kindWords,
  standingWords,
  stateWords,
  timeWord,
  verdictWords,
  verificationWords,
} from './words.ts';

export const FACTS_FILE = 'atesto-facts.json';

/** The report as a PDF, in Portuguese. The same facts and seal give the same bytes. */
export function drawReport(facts: ReportFacts, seal: ReportSeal): Promise<Buffer> {
  const standing = standingWords[facts.state];
  const sheet = new Sheet({ title: `Relatório da transação ${facts.id}`, date: new Date(facts.asOf) });
  sheet.attach(FACTS_FILE, 'application/json', seal.bytes);
  const asOf = `Situação em ${timeWord(facts.asOf)}. Todos os horários são de Brasília (America/Sao_Paulo).`;
  sheet.head('ATESTO', 'Relatório de transação biométrica', standing, asOf);
  sheet.lead(resultWord(facts), `${kindWords[facts.kind]} · ${stateWords[facts.state]}`);

  sheet.section('Identificação');
  sheet.lines(identification(facts));
  sheet.section('Estação e dispositivo');
  sheet.lines(sources(facts));
  sheet.section('Captura');
  drawCaptures(sheet, facts);
  sheet.section('Linha do tempo');
  sheet.table(
    [
      { title: 'Nº', width: 26 },
      { title: 'Horário', width: 156 },
      { title: 'Evento', width: 140 },
      { title: 'Envio', width: 35 },
      { title: 'Motivo ou palavra da plataforma', width: 142 },
    ],
    facts.events.map((event) => [
      `${event.seq}`,
      timeWord(event.at),
      eventWord(event.type),
      event.attempt === 0 ? '–' : `${event.attempt}º`,
      detailOf(event),
    ]),
  );
  sheet.section('Resultado');
  sheet.lines(outcome(facts));
  sheet.section('Verificação', 106);
  sheet.lines([
    ['SHA-256 dos fatos', seal.hash, 'mono'],
    ['Código de verificação', seal.code, 'mono'],
  ]);
  for (const text of howToVerify) sheet.note(text);
  return sheet.end(`Atesto · transação ${facts.id} · ${standing}`);
}

const howToVerify = [
  `1. Os fatos deste relatório estão anexados a este PDF em ${FACTS_FILE} (JSON canônico, RFC 8785). Extraia o anexo e calcule o seu SHA-256, por exemplo com sha256sum: deve ser igual ao acima, e o texto deve corresponder aos fatos.`,
  '2. Para confirmar que este sistema emitiu o relatório, envie transação, hash e código a POST /v1/reports/verify do gateway. A resposta diz se é autêntico (genuine) e se a transação continua como está descrita aqui (current).',
  'Este relatório não contém imagens nem CPFs completos. O anexo traz também o SHA-256 de cada imagem capturada.',
];

function resultWord({ state, verdict }: ReportFacts): string {
  if (verdict) return verdictWords[verdict];
  return state === 'dead' || state === 'erased' ? 'Sem resultado' : 'Ainda sem resultado';
}

function identification(facts: ReportFacts): Line[] {
  const { id, kind, operation, origin, upstreamId, subject, operator, capturedAt, acceptedAt } = facts;
  const verification = operator?.verification ? verificationWords[operator.verification] : 'verificação não informada';
  return present([
    ['Transação', id, 'mono'],
    ['Tipo', operation ? `${kindWords[kind]} (${operation})` : kindWords[kind]],
    origin && ['Refere-se à transação', origin, 'mono'],
    ['Plataforma', isSpidKind(kind) ? 'Griaule SPID Server' : 'Unico IDCloud'],
    upstreamId ? ['Identificador nela', upstreamId, 'mono'] : ['Identificador nela', 'ainda não atribuído'],
    ['Pessoa', personWord(subject, 'esta transação não se refere a uma pessoa')],
    subject && ['Identificador interno', subject.id, 'mono'],
    ['Operador', personWord(operator, 'não há operador nesta transação')],
    operator && ['Operador identificado?', verification],
    capturedAt && ['Capturada em', timeWord(capturedAt)],
    ['Aceita em', timeWord(acceptedAt)],
  ]);
}

function personWord(person: ReportPerson | undefined, none: string): string {
  if (!person) return none;
  return person.cpf ? `CPF ${person.cpf}` : 'CPF eliminado';
}

function sources({ sender, captures }: ReportFacts): Line[] {
  const devices = new Map(captures.flatMap(({ device }) => (device ? [[JSON.stringify(device), device]] : [])));
  return present([
    [sender?.kind === 'station' ? 'Estação' : 'Sistema', sender?.name ?? 'não identificado'],
    sender && ['Identificador', sender.id, 'mono'],
    devices.size === 0 && ['Dispositivo', 'não informado'],
    ...[...devices.values()].flatMap(deviceLines),
  ]);
}

function deviceLines({ model, usb, serial }: CaptureDevice): Line[] {
  return present([
    ['Dispositivo', usb ? `${model} (USB ${usb})` : model],
    serial && ['Número de série', serial, 'mono'],
  ]);
}

function drawCaptures(sheet: Sheet, { captures, missing }: ReportFacts): void {
  if (captures.length === 0) sheet.note('Não há registro de imagens desta transação, uma a uma.');
  else
    sheet.table(
      [
        { title: 'Biometria', width: 116 },
        { title: 'Imagem', width: 92 },
        { title: 'Resolução', width: 54 },
        { title: 'Qualidade', width: 100 },
        { title: 'Dispositivo', width: 137 },
      ],
      captures.map((capture) => [
        captureWord(capture),
        `${capture.width} × ${capture.height} ${capture.format.toUpperCase()}`,
        capture.dpi === undefined ? '–' : `${capture.dpi} dpi`,
        capture.quality ? qualityWord(capture.quality) : 'não medida',
        capture.device?.model ?? 'não informado',
      ]),
    );
  if (captures.some(({ quality }) => quality))
    sheet.note(
      'Qualidade: área com dedo, contraste e nitidez das cristas, medidos pela estação. É apenas indicativa e não equivale a NFIQ.',
    );
  if (missing.length > 0)
    sheet.lines([
      ...missing.map(({ index, type, reason }, i): Line => {
        const why = reason === type || reason === '' ? '' : `: ${reason}`;
        return [i === 0 ? 'Dedos ausentes' : '', `${biometricWord(index)}, ${absenceWord(type)}${why}`];
      }),
    ]);
}

function captureWord({ role, index }: ReportCapture): string {
  if (role === 'evidence') return 'dedo do operador (evidência)';
  return index === undefined ? 'não informada' : biometricWord(index);
}

function qualityWord({ coverage, contrast, orientation }: CaptureQuality): string {
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  return [coverage, contrast, orientation].map(percent).join(' · ');
}

function detailOf({ detail }: ReportEvent): string {
  return [detail?.reason, detail?.upstreamStatus].filter(Boolean).join(', ');
}

function outcome(facts: ReportFacts): Line[] {
  const { upstreamStatus, verdict, reason, answer } = facts;
  return present([
    ['Resultado', verdict ? verdictWords[verdict] : `${resultWord(facts)}: ${stateWords[facts.state]}`],
    ['Palavra da plataforma', upstreamStatus ?? 'nenhuma até este momento'],
    reason && ['Motivo', reason],
    ...flatten(answer ?? {}).map(([name, value]): Line => [`Resposta: ${name}`, value]),
  ]);
}

function present(lines: readonly (Line | false | undefined | '')[]): Line[] {
  return lines.filter((line) => !!line);
}

function flatten(value: object, path = ''): [name: string, value: string][] {
  return Object.entries(value).flatMap(([key, one]) =>
    typeof one === 'object' && one !== null ? flatten(one, `${path}${key}.`) : [[`${path}${key}`, String(one)]],
  );
}

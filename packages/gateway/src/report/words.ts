import type {
  OperatorVerification,
  TransactionEventType,
  TransactionKind,
  TransactionState,
  Verdict,
} from '@atesto/shared/domain/transaction';

/** The report's words, for people at Brazilian registration authorities. */

export const kindWords: Record<TransactionKind, string> = {
  'spid.enroll': 'Cadastro biométrico',
  'spid.verify': 'Verificação biométrica (1:1)',
  'spid.delete': 'Exclusão de cadastro biométrico',
  'spid.redirect': 'Verificação a partir de um cadastro recusado',
  'spid.remote-verify': 'Captura remota para verificação',
  'spid.remote-enroll': 'Captura remota para cadastro',
  'spid.command': 'Comando à plataforma',
  'idcloud.process': 'Validação de identidade pela face',
  'idcloud.document': 'Captura ou reaproveitamento de documento',
  'idcloud.unico': 'Jornada de identidade conduzida pela Unico',
};

export const stateWords: Record<TransactionState, string> = {
  accepted: 'aceita, ainda não enviada',
  submitting: 'em envio à plataforma',
  awaiting: 'recebida pela plataforma, aguardando a resposta',
  retrying: 'não entregue, será enviada de novo',
  unknown: 'entrega incerta, a plataforma será consultada',
  concluded: 'concluída',
  dead: 'parada, depende da análise de uma pessoa',
  erased: 'dados eliminados',
};

/** What the report is worth while the transaction stands like this. */
export const standingWords: Record<TransactionState, string> = {
  accepted: 'PROVISÓRIO',
  submitting: 'PROVISÓRIO',
  awaiting: 'PROVISÓRIO',
  retrying: 'PROVISÓRIO',
  unknown: 'PROVISÓRIO',
  concluded: 'FINAL',
  dead: 'SEM RESULTADO',
  erased: 'DADOS ELIMINADOS',
};

export const verdictWords: Record<Verdict, string> = {
  match: 'Identidade confirmada',
  'no-match': 'Identidade não confirmada',
  enrolled: 'Cadastro aceito',
  rejected: 'Cadastro recusado',
  failed: 'Encerrada com falha pela plataforma',
  completed: 'Processo concluído pela plataforma',
  contingency: 'A plataforma falhou em todas as tentativas',
};

export const verificationWords: Record<OperatorVerification, string> = {
  verified: 'identificado pela plataforma no momento da captura',
  deferred: 'não identificado no momento da captura',
};

const eventWords: Record<TransactionEventType | 'accepted', string> = {
  accepted: 'Aceita e gravada',
  claimed: 'Envio iniciado',
  taken: 'Recebida pela plataforma',
  progressed: 'A plataforma mudou a situação',
  concluded: 'Concluída pela plataforma',
  failed: 'Não entregue',
  voided: 'Sem efeito na plataforma, será reenviada',
  refused: 'Recusada',
  lost: 'Resposta perdida, entrega incerta',
  found: 'Encontrada na plataforma',
  absent: 'Não consta na plataforma',
  abandoned: 'Parada, depende de uma pessoa',
  resent: 'Retomada a pedido de uma pessoa',
  erased: 'Dados eliminados',
};
/** An event's word; the ledger's own where a newer version wrote it. */
export const eventWord = (type: string): string => (eventWords as Record<string, string>)[type] ?? type;

const biometrics = [
  'mínimo esquerdo',
  'anelar esquerdo',
  'médio esquerdo',
  'indicador esquerdo',
  'polegar esquerdo',
  'polegar direito',
  'indicador direito',
  'médio direito',
  'anelar direito',
  'mínimo direito',
  'face',
];
/** A row of the table of fingers, 10 being the face. */
export const biometricWord = (index: number): string => biometrics[index] ?? `índice ${index}`;

const absences: Record<string, string> = { AMPUTATED: 'amputado', BANDAGED: 'enfaixado' };
/** Why a finger was not captured; a type that nobody here knows stays as it is. */
export const absenceWord = (type: string): string => absences[type] ?? type;

const clock = new Intl.DateTimeFormat('pt-BR', {
  timeZone: 'America/Sao_Paulo',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  timeZoneName: 'longOffset',
});
/** `22/11/2026 01:44:39,123 UTC-03:00`, in Brasília's time. */
export const timeWord = (iso: string): string => clock.format(new Date(iso)).replace(', ', ' ').replace('GMT', 'UTC');

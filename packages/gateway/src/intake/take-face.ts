import type { FaceAnswer } from '@atesto/shared/contracts/bridge-link';
import type { GatewayContext } from '../gateway-context.ts';
import { LinkError } from '../link/station-links.ts';
import type { ProblemCode } from '../problem.ts';
import { ProblemError } from '../problem.ts';

/** For a person to come before the camera and for the upload; longer than a bridge's own time for the first. */
const FACE_TIMEOUT_MS = 45_000;

/** A face that a station has uploaded just now. */
export type TakenFace = Extract<FaceAnswer, { outcome: 'taken' }>;

/**
 * Has a station take a face now, which it uploads as `capture`. The camera is told when `signal` aborts.
 * @throws ProblemError `station-away`, `station-cannot`, `station-busy`, `station-timeout`, `face-failed`
 */
export async function takeFace(
  { stations }: Pick<GatewayContext, 'stations'>,
  station: string,
  capture: string,
  signal: AbortSignal,
): Promise<TakenFace> {
  const answer = await stations
    .captureFace(station, { capture, timeoutMs: FACE_TIMEOUT_MS, signal })
    .catch((error: unknown) => {
      if (error instanceof LinkError) throw new ProblemError(linkProblems[error.kind]);
      throw error;
    });
  if (answer.outcome === 'taken') return answer;
  const { why } = answer;
  throw new ProblemError(faceProblems[why] ?? 'face-failed', [{ path: '/face/station', problem: why }]);
}

const linkProblems: Record<LinkError['kind'], ProblemCode> = {
  'not-connected': 'station-away',
  // Nothing was accepted: what it may have uploaded is never used.
  disconnected: 'station-away',
  timeout: 'station-timeout',
};

const faceProblems: Partial<Record<Extract<FaceAnswer, { outcome: 'failed' }>['why'], ProblemCode>> = {
  'no-camera': 'station-cannot',
  busy: 'station-busy',
  timeout: 'station-timeout',
};

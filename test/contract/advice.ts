import type { CaptureErrorKind } from '@atesto/device-bridge/drivers/driver';
import type { ProblemCode } from '@atesto/gateway/problem';
import type { UpstreamReason } from '@atesto/shared/upstreams/upstream';
import type { VaultFailure } from '@atesto/shared/vault/vault-error';

/** What the docs advise for every named failure. A failure without advice does not compile. */

export const problemAdvice: Record<ProblemCode, string> = {
  'invalid-request': 'Mend the request; `fields` names each wrong place and the rule it breaks.',
  'invalid-cpf': 'Have the number typed again. `fields` says which of the CPFs it is.',
  'invalid-image': 'Send the picture itself, not base64, not a PDF; an empty body is no picture either.',
  'image-too-large': 'No side may be longer than `IMAGE_SIDE_MAX`. Nothing was kept.',
  'digest-missing': 'Send `Content-Digest: sha-256=:<base64>:` of the bytes.',
  'digest-mismatch': 'The bytes were hurt on the way, or the hash is of something else. Nothing was kept: send again.',
  'unknown-capture': 'Upload the capture first, with the same key; captures of others are not seen.',
  'capture-spent': 'A picture goes into one transaction only. Upload it again under a new id.',
  'unknown-key': '`fields` says whether it is the account or the key. The names are those of `IDCLOUD_ACCOUNTS`.',
  'unknown-station': 'Take the id from `GET /v1/stations`. A station may name only itself.',
  'unfit-request':
    '`fields` says what: the key is for something else, edition B wants a name, or the picture has a fault under [IDCloud’s code](#the-idcloud-face). Nothing was accepted: mend it, or have the face taken again.',
  'duplicate-finger': 'Name each finger once, over `biometrics` and `missingBiometrics` together.',
  unauthenticated: 'Send the key. It may have been revoked.',
  forbidden: 'Use a key of the right kind: administrator, system or station.',
  'invalid-code': 'Ask for a new code: `POST /v1/stations/enrolments`.',
  'not-found': 'It does not exist, or it is not yours: the answer does not tell which.',
  'id-conflict': 'Take another id or `Idempotency-Key`. What stands there is unchanged.',
  'no-report-yet':
    'Of `source=upstream`: ask again later. An IDCloud process never has one. Our own report is there at once.',
  'not-taken-yet': 'SPID Server has not answered the request yet. It is sent by itself: try again later.',
  'not-rejected': 'Look at the transaction: it waits still, or it ended otherwise. Nothing was sent.',
  'upstream-refused':
    'SPID Server read it and will not do it; the place `/` has the HTTP status of its answer. The person may be unknown there, or it was done before.',
  'body-too-large': 'See `JSON_BYTES_MAX` and `CAPTURE_BYTES_MAX`.',
  'unsupported-media-type': 'JSON, or for captures `image/png`, `image/jpeg`, `image/webp`.',
  'too-many-requests':
    'Wait as long as `Retry-After` says. Only `POST /v1/stations` and the notices of IDCloud are limited.',
  'station-away':
    'Its line is down, has just come up, or broke during the capture. Look at the bridge; then the same request again.',
  'station-cannot': 'Set `CAMERA` at the station, or update its bridge.',
  'station-busy': 'A reader or the camera is at work, for somebody else. The same request again when it is done.',
  'station-timeout': 'Nobody came before the camera in time, or it hangs. The same request again.',
  'face-failed':
    '`fields` has the [kind](#captures-at-the-reader), or `not-uploaded`: the picture did not reach the gateway. The station’s log has `face-capture`.',
  'upstream-unavailable':
    'For what is passed on at once (look-ups, reports, biometrics of a remote capture). It changes nothing: ask again later.',
  'storage-unavailable':
    'The vault refused (disk full, read-only, keys missing), or the database is away. Send again when it is mended; the log line `storage-failed` says what it was.',
  internal: 'Look for `request-failed` in the log. Repeating is safe.',
};

export const upstreamAdvice: Record<UpstreamReason, string> = {
  'connect-refused': 'Nothing listens there. Sent again by itself.',
  'connect-timeout': 'No connection in time: address, firewall. Sent again by itself.',
  'connect-failed': 'No route to the host. Sent again by itself.',
  'name-not-found': 'The name does not resolve. Check the URL in the settings. Sent again by itself.',
  'tls-failed': 'The certificate is not trusted: `SPID_SERVER_CA_FILE`. Sent again by itself.',
  'connection-lost': 'The line broke. Before the body began to flow: sent again. After: asked first.',
  timeout: 'No answer in time. Before the body began to flow: sent again. After: asked first.',
  aborted: 'The worker gave up at its own limit. As `timeout`.',
  'body-failed': 'Our own body stream failed: look at the vault. Sent again unless its last byte was out.',
  'answer-lost': 'A status came, its body did not. Asked first.',
  'answer-unreadable': 'The answer is not what the contract says. Asked first.',
  'answer-too-large': 'The answer is longer than is read. Asked first.',
  'accepted-without-id': 'Success without a body. Asked first; if it happens often, speak to the platform.',
  'bad-request': 'The platform will never take it as it is: `dead`. Its own code is kept where it has a known form.',
  unauthorized: 'Credentials. Mend the settings; it is sent again by itself.',
  forbidden: 'Rights of the account. Mend them at the platform; it is sent again by itself.',
  'not-found': 'The address answers, the route does not exist: `dead`. Check the URL in the settings, then resend.',
  conflict: 'Something like it may be there. Asked first.',
  gone: '`dead`. The platform has taken the route away.',
  'too-large': '`dead`. The body is larger than the platform takes.',
  'unsupported-media-type': '`dead`. Not a server of this contract, or a proxy in between.',
  unprocessable: '`dead`. The content is refused; capture anew.',
  'client-error': '`dead`. Another status of the 4xx kind.',
  redirected: 'A redirect is not followed. Check the URL in the settings. Asked first.',
  'server-error': 'It may have acted before it failed. Asked first.',
  'bad-gateway': 'A proxy spoke for the platform. Asked first.',
  'service-unavailable': 'It says that it did not take it. Sent again by itself.',
  'gateway-timeout': 'A proxy waited for the platform. Asked first.',
  'token-refused': 'Account, tenant, key or clock are wrong. Nothing was sent. Tried again once a minute.',
  'token-locked': 'Too many bad attempts locked the account. Nothing is tried for 15 minutes.',
  'token-unavailable': 'The token endpoint does not work. Nothing was sent. Tried again by itself.',
};

export const captureAdvice: Record<CaptureErrorKind, { means: string; advice: string }> = {
  'device-lost': {
    means: 'The reader or camera was unplugged or its line failed; the virtual camera has no picture.',
    advice: 'Plug it in and start the capture again. Nothing was stored.',
  },
  'device-fault': {
    means:
      'The reader or camera answers, but not as its protocol says; a reader gave three pictures without a finger; the virtual camera has a file that is no picture.',
    advice: 'Plug it in anew. Clean its glass. Close other programs that use it.',
  },
  timeout: {
    means: 'No finger or face came within `CAPTURE_TIMEOUT_MS`.',
    advice: 'Start the capture again.',
  },
  cancelled: {
    means:
      'Capture Cancel or Logout was called, another operator logged in, or the bridge is stopping. Of a face: who asked for it hung up, the line broke, or the bridge is stopping.',
    advice: 'Start the capture again.',
  },
};

export const vaultAdvice: Record<VaultFailure, { means: string; advice: string }> = {
  'unknown-key': {
    means: 'Sealed by a key that is not in the ring.',
    advice: 'Put the old key back into `ATESTO_KEK`, behind the active one. This is never damage.',
  },
  tampered: {
    means: 'The bytes are not those that were sealed, or the wrapped key belongs to another record.',
    advice: 'Never normal. Restore from backup; look at the disk and at who can write to it.',
  },
  missing: { means: 'There is no file for this record.', advice: 'Restore it. Do all services share one `VAULT_URL`?' },
  exists: { means: 'A record of this id is there already.', advice: 'Never overwritten. A fault of ours: report it.' },
  storage: { means: 'The file system refused.', advice: 'The log has its code, such as `ENOSPC`. Make room.' },
};

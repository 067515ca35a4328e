// Why there is no encrypted connection to a server, and what to do then. Pure.
import type { SqlError } from '../../../core/ports/session.js';

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** Undefined where it is not for TLS. */
export function tlsReason({
  code,
  message,
}: Pick<SqlError, 'code' | 'message'>): readonly [detail: string, fix: string] | undefined {
  if (/does not support SSL/i.test(message))
    return [
      'TLS is asked for, and the server has none',
      'Set ssl = on and a certificate in postgresql.conf; on a network that nobody listens to: sslmode=disable in the URL.',
    ];
  if (UNTRUSTED.has(code))
    return [
      `the certificate of the server is signed by nobody that is trusted here (${message})`,
      'Name the authority that signed it: sslrootcert=/path/to/root.crt in the URL.',
    ];
  if (code === 'CERT_HAS_EXPIRED')
    return ['the certificate of the server has expired', 'Renew it on the server, then: SELECT pg_reload_conf();'];
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return [
      `the certificate of the server is for another name (${message})`,
      'Connect by the name that is in the certificate, or renew the certificate for this one.',
    ];
  return undefined;
}

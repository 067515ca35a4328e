// Why a server cannot be reached or does not let somebody in, and what to type then.
import { NO_PASSWORD_GIVEN } from '../classify.js';
import { reasonOf } from '../../../../core/errors/migrate-error.js';
import type { HealthCheck } from '../../../../core/ports/doctor.js';
import type { SqlError } from '../../../../core/ports/session.js';
import { createCommand } from '../create-command.js';
import type { PostgresOptions } from '../target.js';
import { tlsReason } from '../tls-reason.js';
import { bad } from './check.js';

type Reason = readonly [detail: string, fix: string];

/** `label` is the URL of the database without user and secrets. */
export function unreachable(error: SqlError, label: string, options: PostgresOptions = {}): HealthCheck {
  const [detail, fix] = bySocket(error, label) ??
    tlsReason(error) ??
    byLogin(error, label, options) ?? [
      `${label} cannot be opened: ${textOf(error)}`,
      'Compare what the server logged at this moment; psql with the same URL says the same.',
    ];
  return bad('database', detail, fix);
}

function bySocket({ code, message }: SqlError, label: string): Reason | undefined {
  switch (code) {
    case 'ECONNREFUSED':
      return [
        `nothing listens at ${label}`,
        'Start the server (systemctl start postgresql, docker start NAME, pg_ctl start -D FOLDER), or correct host and port in the URL or in PGHOST and PGPORT.',
      ];
    case 'ENOENT':
      return [
        `there is no socket of a server for ${label}`,
        'Start the server, or name another folder of the socket (postgres:///name?host=/var/run/postgresql), or a host.',
      ];
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return [
        `the host of ${label} has no address`,
        'Correct the host in the URL or in PGHOST, or mend its name in DNS.',
      ];
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return noAnswer(label);
    default:
      return /timeout expired|timeout exceeded/i.test(message) ? noAnswer(label) : undefined;
  }
}

const noAnswer = (label: string): Reason => [
  `no answer comes from ${label}`,
  'Let this machine through the firewall or into the network of the server, and see that listen_addresses of the server has its address.',
];

function byLogin(error: SqlError, label: string, options: PostgresOptions): Reason | undefined {
  const { code, message } = error;
  if (code === '28P01' || message === NO_PASSWORD_GIVEN)
    return [
      code === '28P01' ? `the password does not fit: ${message}` : message,
      'Put the right one into PGPASSWORD or into ~/.pgpass (host:port:database:user:password, chmod 600).',
    ];
  if (/no pg_hba\.conf entry/.test(message))
    return [
      message,
      /no encryption/.test(message)
        ? 'Add sslmode=require to the URL; or let pg_hba.conf of the server have a line for this host, and SELECT pg_reload_conf();'
        : 'Let pg_hba.conf of the server have a line for this host, user and database, and SELECT pg_reload_conf();',
    ];
  if (code === '28000')
    return [message, 'Correct the user in the URL or in PGUSER, or make the role: createuser --pwprompt NAME'];
  if (code === '3D000') return [`${label}: ${message}`, createCommand(label, options)];
  if (code === '42501') return [message, 'As the owner of the database: GRANT CONNECT ON DATABASE name TO role;'];
  if (code === '53300')
    return [
      `the server is full: ${message}`,
      'End connections that nobody uses, make the pools of applications smaller, or raise max_connections.',
    ];
  if (code === '57P03') return [`the server is not ready: ${message}`, 'Wait until it has started, and try again.'];
  return undefined;
}

/** Of an address with several faces, all of which failed, Node says nothing itself. */
const textOf = ({ message, code, cause }: SqlError): string => message || code || reasonOf(cause);

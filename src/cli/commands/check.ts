// `check`: whether the program's declarations fit the live schema; exit 3 where one of them does not.
import { migrateError } from '../../core/errors/migrate-error.js';
import type { CheckReport } from '../../core/manager/run-check.js';
import { describeContractFinding } from '../../core/schema/contract-finding.js';
import type { Answer, CommandContext, CommandResult } from '../answer.js';
import { withEngine } from '../engine.js';
import { count, wrap } from '../format.js';
import type { Flags } from '../settings.js';
import type { Sink } from '../terminal.js';

export const runCheck = (_context: CommandContext, flags: Flags): CommandResult =>
  withEngine(flags, ({ manager }) =>
    manager.check().map((report): Answer => {
      const { database, tables, queries, findings, pending } = report;
      const told = findings.map((finding) => ({ ...finding, message: describeContractFinding(finding) }));
      return {
        document: { database: database.label, dialect: database.dialect, tables, queries, pending, findings: told },
        lines: (sink) => checkLines(report, sink),
        ...(findings.length === 0
          ? {}
          : { finding: migrateError({ kind: 'contract-differs', count: findings.length, pending }) }),
      };
    }),
  );

function checkLines({ database, tables, queries, findings }: CheckReport, { paint, width }: Sink): string[] {
  const declared = [
    tables.length === 0 ? '' : count(tables.length, 'table'),
    queries.length === 0 ? '' : queriesText(queries.length),
  ]
    .filter(Boolean)
    .join(' and ');
  const head = `${paint.bold(database.label)}   ${declared} declared`;
  if (findings.length === 0) return [head, '', `${paint.green('✔')} All of it fits the schema that is there.`];
  const lines = findings.flatMap((finding) =>
    wrap(describeContractFinding(finding), width - 4).map((line, at) =>
      at === 0 ? `  ${paint.red('✖')} ${line}` : `    ${line}`,
    ),
  );
  return [head, '', ...lines];
}

const queriesText = (number: number): string => `${number} ${number === 1 ? 'query' : 'queries'}`;

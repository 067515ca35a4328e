// A process that appends rows to the chain of custody, one by one, as fast as it can.
import { AppendOnlyDao, openDatabase } from 'migrate-safe/dao';
import { ChainOfCustody } from './chain-of-custody.js';
import { value } from './project.js';

const [, , url = '', actor = '', rows = '0'] = process.argv;
const database = openDatabase({ database: url });
const custody = new AppendOnlyDao(database, ChainOfCustody);
for (let at = 0; at < Number(rows); at += 1)
  value(await custody.append({ evidence_id: at, action: 'examined', actor }));
value(await database.close());

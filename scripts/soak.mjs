// The long form of the crash tests: 200 kills where CI makes 20, half as many on PostgreSQL. Usage: npm run test:soak [-- number of kills]
import { spawnSync } from 'node:child_process';

const kills = process.argv[2] ?? '200';
const { status } = spawnSync(process.execPath, ['node_modules/mocha/bin/mocha.js', '.build/test/crash/*.test.js'], {
  stdio: 'inherit',
  env: { ...process.env, KILLS: kills },
});
process.exit(status ?? 1);

// Runs the tests on the other versions of Node.js that are supported; the drivers' binaries serve them all.
import { spawnSync } from 'node:child_process';

for (const version of process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['22', '24']) {
  console.log(`Node.js ${version}`);
  const { status } = spawnSync(
    'npx',
    ['-y', '-p', `node@${version}`, '--', 'node', 'node_modules/mocha/bin/mocha.js', '.build/test/**/*.test.js'],
    {
      stdio: 'inherit',
      shell: process.platform === 'win32',
    },
  );
  if (status !== 0) process.exit(status ?? 1);
}

// Removes what a build makes; works in every shell.
import { rmSync } from 'node:fs';

for (const folder of ['dist', '.build', 'coverage']) rmSync(folder, { recursive: true, force: true });

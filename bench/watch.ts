// What looks at a process's memory every few milliseconds, from a thread of its own: it answers with how far it grew, in MB.

export const WATCH = `
const { parentPort } = require('node:worker_threads');
let highest = 0;
const look = () => { highest = Math.max(highest, process.memoryUsage.rss()); };
look();
const start = highest;
parentPort.postMessage('ready');
setInterval(look, 5);
parentPort.on('message', () => { look(); parentPort.postMessage((highest - start) / 1e6); });`;

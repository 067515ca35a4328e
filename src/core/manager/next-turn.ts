// Lets the event loop turn: what was asked of the database is on its way then, and what nobody awaited has been told.

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

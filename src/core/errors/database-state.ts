// In which state a failed operation left the database.

/**
 * `unchanged`: nothing was done. `rolled-back`: what was done was undone, by its transaction or by the step's revert.
 * `restored`: a backup was put back. `needs-attention`: a person has to look, and `hint` says at what.
 */
export type DatabaseState = 'unchanged' | 'rolled-back' | 'restored' | 'needs-attention';

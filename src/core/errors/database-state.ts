// In which state a failed operation left the database.

export type DatabaseState = 'unchanged' | 'rolled-back' | 'restored' | 'needs-attention';

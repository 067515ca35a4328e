// Small forms that several messages share.

/** The first few of a list, and how many there are where it is long. */
export const list = (items: readonly string[], most = 5): string =>
  items.length > most ? `${items.slice(0, most).join(', ')} … (${items.length})` : items.join(', ');

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

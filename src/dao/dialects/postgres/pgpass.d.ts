declare module 'pgpass' {
  interface ConnectionInfo {
    readonly host: string;
    readonly port: number;
    readonly user: string | undefined;
    readonly database: string | undefined;
  }
  /** Reads PGPASSFILE or ~/.pgpass; undefined where there is no line for it. */
  export default function pgpass(connection: ConnectionInfo, done: (password: string | undefined) => void): void;
}

// The version of this package, as events and backups name it. A test holds it equal to package.json.
export const VERSION = '0.1.0';

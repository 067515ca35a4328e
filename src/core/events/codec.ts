// Turns stored events into facts: raises old versions to the present one, and keeps what it does not know.
import type { RecordedEvent, StoredEvent, UnknownEvent } from './envelope.js';
import type { EventType } from './event.js';

/** The version of its data that this program writes, per type. A type that is not here is unknown. */
export const EVENT_VERSIONS: Readonly<Record<EventType, number>> = {
  RunStarted: 1,
  BackupTaken: 1,
  BackupVerified: 1,
  StepStarted: 1,
  SchemaValidated: 1,
  StepApplied: 1,
  StepReverted: 1,
  StepFailed: 1,
  StepRolledBack: 1,
  StepStamped: 1,
  DriftDetected: 1,
  RestoreStarted: 1,
  BackupRestored: 1,
  BackupPruned: 1,
  RunCompleted: 1,
  RunFailed: 1,
  RunRecovered: 1,
};

type Data = Readonly<Record<string, unknown>>;
/** Raises the data of one version of one type to the next version. */
export type Upcast = (data: Data) => Data;
/** Keyed `Type@version`: what raises that version to the next. Empty until a type gets its second version. */
const UPCASTS: Readonly<Record<string, Upcast>> = {};

const isKnown = (type: string): type is EventType => Object.hasOwn(EVENT_VERSIONS, type);

/**
 * Decodes one event. A type or a version newer than this program comes back as `unknown`, for the caller to
 * report; its envelope still takes part in the chain.
 */
export function decodeEvent(
  stored: StoredEvent,
  upcasts = UPCASTS,
  versions = EVENT_VERSIONS,
): RecordedEvent | UnknownEvent {
  const { type } = stored;
  if (!isKnown(type) || stored.schemaVersion > versions[type]) return { ...stored, unknown: true };
  let data = stored.data;
  for (let version = stored.schemaVersion; version < versions[type]; version++) {
    const upcast = upcasts[`${type}@${version}`];
    if (upcast === undefined) throw new Error(`no upcast for ${type}@${version}`);
    data = upcast(data);
  }
  // The union's members share one envelope: type and data were checked to belong together by the version table.
  return { ...stored, data } as RecordedEvent;
}

/** Tells a decoded event from one that this program does not know. */
export const isUnknown = (event: RecordedEvent | UnknownEvent): event is UnknownEvent => 'unknown' in event;

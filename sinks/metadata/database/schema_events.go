package database

// Bounds of the columns of an event, in bytes.
const (
	MaxKeyBytes  = 255
	MaxDataBytes = 4096
)

func schemaEvents(driver string) []statement {
	t := typesOf(driver)
	index := func(name, columns string) statement { return createIndex(driver, name, "spool_events", columns) }
	return []statement{
		{sql: `CREATE TABLE IF NOT EXISTS spool_events (
	id ` + t.id + ` NOT NULL PRIMARY KEY,
	node ` + t.varchar(MaxNameBytes) + ` NOT NULL,
	stream ` + t.varchar(MaxStreamBytes) + ` NOT NULL,
	event_key ` + t.varchar(MaxKeyBytes) + ` NOT NULL,
	name ` + t.varchar(MaxKeyBytes) + ` NOT NULL,
	data ` + t.varchar(MaxDataBytes) + ` NOT NULL,
	at_ns bigint NOT NULL,
	start_ns bigint NOT NULL,
	end_ns bigint NOT NULL,
	protect smallint NOT NULL
)` + t.table},
		index("spool_events_at", "at_ns, id"),
		index("spool_events_stream", "stream, at_ns, id"),
		index("spool_events_key", "event_key, at_ns, id"),
	}
}

func schemaEventFootage(driver string) []statement {
	t := typesOf(driver)
	return []statement{
		{sql: `CREATE TABLE IF NOT EXISTS spool_event_recordings (
	event_id ` + t.id + ` NOT NULL,
	recording_id ` + t.id + ` NOT NULL,
	PRIMARY KEY (event_id, recording_id)
)` + t.table},
		createIndex(driver, "spool_event_recordings_of", "spool_event_recordings", "recording_id"),
		addColumn("spool_events", "actual_ns", "bigint NOT NULL DEFAULT 0"),
		addColumn("spool_events", "gone_ns", "bigint NOT NULL DEFAULT 0"),
		createIndex(driver, "spool_events_gone", "spool_events", "gone_ns, id"),
		{sql: `CREATE TABLE IF NOT EXISTS spool_upkeep (
	task ` + t.varchar(MaxNameBytes) + ` NOT NULL PRIMARY KEY,
	position ` + t.varchar(MaxStreamBytes) + ` NOT NULL
)` + t.table},
	}
}

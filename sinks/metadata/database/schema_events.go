package database

// What the event columns hold at most, in bytes.
const (
	MaxKeyBytes  = 255
	MaxDataBytes = 4096
)

func schemaEvents(driver string) []statement {
	t := typesOf(driver)
	ifNot := "IF NOT EXISTS "
	if driver == "mysql" {
		ifNot = ""
	}
	index := func(name, columns string) statement {
		return statement{sql: "CREATE INDEX " + ifNot + name + " ON spool_events (" + columns + ")", index: name}
	}
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
	ifNot := "IF NOT EXISTS "
	if driver == "mysql" {
		ifNot = ""
	}
	column := func(name string) statement {
		return statement{sql: "ALTER TABLE spool_events ADD COLUMN " + name + " bigint NOT NULL DEFAULT 0", table: "spool_events", column: name}
	}
	return []statement{
		{sql: `CREATE TABLE IF NOT EXISTS spool_event_recordings (
	event_id ` + t.id + ` NOT NULL,
	recording_id ` + t.id + ` NOT NULL,
	PRIMARY KEY (event_id, recording_id)
)` + t.table},
		{sql: "CREATE INDEX " + ifNot + "spool_event_recordings_of ON spool_event_recordings (recording_id)", index: "spool_event_recordings_of"},
		column("actual_ns"),
		column("gone_ns"),
		{sql: "CREATE INDEX " + ifNot + "spool_events_gone ON spool_events (gone_ns, id)", index: "spool_events_gone"},
		{sql: `CREATE TABLE IF NOT EXISTS spool_upkeep (
	task ` + t.varchar(MaxNameBytes) + ` NOT NULL PRIMARY KEY,
	position ` + t.varchar(MaxStreamBytes) + ` NOT NULL
)` + t.table},
	}
}

package database

import "fmt"

// types are the column types of a database. Text that is compared is compared
// by bytes everywhere, so that order and prefixes mean the same.
type types struct{ id, text, json, table string }

func typesOf(driver string) types {
	switch driver {
	case "postgres":
		return types{id: "uuid", text: `varchar(%d) COLLATE "C"`, json: "jsonb"}
	case "mysql":
		return types{
			id:    "char(36) CHARACTER SET ascii COLLATE ascii_bin",
			text:  "varchar(%d) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
			json:  "json",
			table: " ENGINE=InnoDB ROW_FORMAT=DYNAMIC",
		}
	}
	return types{id: "text", text: "text", json: "text", table: " WITHOUT ROWID"}
}

func (t types) varchar(n int) string {
	if t.text == "text" {
		return t.text
	}
	return fmt.Sprintf(t.text, n)
}

// What the columns hold at most. MySQL needs a bound for what it indexes.
const (
	MaxStreamBytes = 255
	MaxNameBytes   = 64 // node, pipeline
	MaxPathBytes   = 700
)

func schemaRecordings(driver string) []statement {
	t := typesOf(driver)
	table := t.table
	if driver == "sqlite" {
		table = "" // rows are wide: they stay out of the tree of the key
	}
	return []statement{
		{sql: `CREATE TABLE IF NOT EXISTS spool_recordings (
	id ` + t.id + ` NOT NULL PRIMARY KEY,
	node ` + t.varchar(MaxNameBytes) + ` NOT NULL,
	stream ` + t.varchar(MaxStreamBytes) + ` NOT NULL,
	pipeline ` + t.varchar(MaxNameBytes) + ` NOT NULL,
	file_path ` + t.varchar(MaxPathBytes) + ` NOT NULL,
	state ` + t.varchar(16) + ` NOT NULL,
	start_ns bigint NOT NULL,
	end_ns bigint NOT NULL,
	duration_ns bigint NOT NULL,
	span smallint NOT NULL,
	size bigint NOT NULL,
	tracks ` + t.json + ` NOT NULL,
	end_reason ` + t.varchar(32) + ` NOT NULL,
	gap_cause ` + t.varchar(32) + ` NOT NULL,
	gap_ns bigint NOT NULL,
	gap_chunks integer NOT NULL,
	events ` + t.json + ` NOT NULL,
	protected smallint NOT NULL,
	protected_rev bigint NOT NULL,
	revision bigint NOT NULL
)` + table},
		{sql: `CREATE TABLE IF NOT EXISTS spool_streams (path ` + t.varchar(MaxStreamBytes) + ` NOT NULL PRIMARY KEY)` + t.table},
		{sql: `CREATE TABLE IF NOT EXISTS spool_journals (
	id ` + t.varchar(32) + ` NOT NULL PRIMARY KEY,
	node ` + t.varchar(MaxNameBytes) + ` NOT NULL,
	applied bigint NOT NULL
)` + t.table},
	}
}

func schemaClockSteps(string) []statement {
	return []statement{addColumn("spool_recordings", "gap_step_ns", "bigint NOT NULL DEFAULT 0")}
}

// schemaGaps adds what is missing inside of a recording and its wall clock. They are null
// where a recording has none, and in rows of before: not every MySQL takes a default for
// JSON.
func schemaGaps(driver string) []statement {
	kind := typesOf(driver).json + " NULL"
	return []statement{
		addColumn("spool_recordings", "gaps", kind),
		addColumn("spool_recordings", "anchors", kind),
	}
}

// Indexes. The columns behind id are only filtered by: a scan need not touch
// the rows that it passes over.
const (
	IndexStart     = "spool_recordings_start"
	IndexStream    = "spool_recordings_stream"
	IndexState     = "spool_recordings_state"
	IndexProtected = "spool_recordings_protected"
	IndexSpan      = "spool_recordings_span"
	indexPath      = "spool_recordings_path"
)

func schemaIndexes(driver string) []statement {
	index := func(name, columns string) statement { return createIndex(driver, name, "spool_recordings", columns) }
	return []statement{
		index(IndexStart, "start_ns, id, state, protected, stream"),
		index(IndexStream, "stream, start_ns, id, state, protected"),
		index(IndexState, "state, start_ns, id, stream, protected"),
		index(IndexProtected, "protected, start_ns, id, stream, state"),
		index(IndexSpan, "span, start_ns, end_ns, id, stream, state, protected"),
		index(indexPath, "file_path, node"),
	}
}

// exactCollation stands in a statement for the server's collation to which a text
// with a space at its end is another one: MariaDB's and MySQL's have different names,
// and before MySQL 8 there is none.
const exactCollation = "{exact}"

var exactCollations = []string{"utf8mb4_nopad_bin", "utf8mb4_0900_bin"}

// schemaExactStreams lets the list of streams tell "a" from "a ". The large tables
// stay as they are: the questions compare exactly.
func schemaExactStreams(string) []statement {
	return []statement{{only: "mysql", sql: fmt.Sprintf("ALTER TABLE spool_streams MODIFY path varchar(%d) CHARACTER SET utf8mb4 COLLATE %s NOT NULL",
		MaxStreamBytes, exactCollation)}}
}

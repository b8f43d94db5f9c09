package database

import "fmt"

// types holds the SQL types of columns in a database, and in table the options after the columns of
// a CREATE TABLE. Text compares by bytes in each database, so that order and prefixes agree.
type types struct{ id, text, json, table string }

// typesOf returns the types of a driver.
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

// varchar returns the type of a text of at most n characters. SQLite's text has no bound.
func (t types) varchar(n int) string {
	if t.text == "text" {
		return t.text
	}
	return fmt.Sprintf(t.text, n)
}

// Bounds of the columns. MySQL needs a bound for an indexed column; row.Of checks them in bytes.
const (
	MaxStreamBytes = 255
	MaxNameBytes   = 64 // node, pipeline
	MaxPathBytes   = 700
)

func schemaRecordings(driver string) []statement {
	t := typesOf(driver)
	table := t.table
	if driver == "sqlite" {
		table = "" // with rowid: in a table without it, wide rows make each search by key read more pages
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

// schemaGaps adds the columns for the gaps inside a recording and for its anchors. They are NULL in a row
// without any: not every MySQL accepts a default for JSON.
func schemaGaps(driver string) []statement {
	kind := typesOf(driver).json + " NULL"
	return []statement{
		addColumn("spool_recordings", "gaps", kind),
		addColumn("spool_recordings", "anchors", kind),
	}
}

// The names of the indexes of spool_recordings. The columns of an index after id are for filters: the
// database can skip an entry of the index without reading its row.
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

// exactCollation is a placeholder in a statement. DB.run replaces it by the server's binary
// collation in which spaces at the end of a text count. MariaDB and MySQL have different names for
// this collation. MySQL before version 8 lacks such a collation, and DB.run then skips the
// statement.
const exactCollation = "{exact}"

// exactCollations lists the names that MariaDB and MySQL have for the collation exactCollation.
var exactCollations = []string{"utf8mb4_nopad_bin", "utf8mb4_0900_bin"}

// schemaExactStreams makes spool_streams distinguish "a" from "a " on MySQL. The large tables stay
// unchanged, and queries of them compare exactly: see whereText of package metadata.
func schemaExactStreams(string) []statement {
	return []statement{{only: "mysql", sql: fmt.Sprintf("ALTER TABLE spool_streams MODIFY path varchar(%d) CHARACTER SET utf8mb4 COLLATE %s NOT NULL",
		MaxStreamBytes, exactCollation)}}
}

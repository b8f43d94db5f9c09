package database

// schemaLocations creates the table of locations. It adds no locations for the rows that exist
// already: a million of them would delay the start. The upkeep of package metadata adds them later.
func schemaLocations(driver string) []statement {
	t := typesOf(driver)
	return []statement{{sql: `CREATE TABLE IF NOT EXISTS spool_locations (
	recording_id ` + t.id + ` NOT NULL,
	node ` + t.varchar(MaxNameBytes) + ` NOT NULL,
	bucket ` + t.varchar(maxBucketBytes) + ` NOT NULL,
	directory ` + t.varchar(maxIdentityBytes) + ` NOT NULL,
	path ` + t.varchar(maxKeyPathBytes) + ` NOT NULL,
	size bigint NOT NULL,
	checksum ` + t.varchar(maxChecksumBytes) + ` NOT NULL,
	state ` + t.varchar(16) + ` NOT NULL,
	PRIMARY KEY (recording_id, node, bucket)
)` + t.table}}
}

// schemaLocationsByNode drops the column directory: spool_directories holds the directory of each node.
// The copy in a location was empty if the row was older than the recorder's claim on its directory, and
// outdated after the recorder had got another directory.
func schemaLocationsByNode(string) []statement {
	return []statement{{
		table: "spool_locations", column: "directory", drops: true,
		sql: "ALTER TABLE spool_locations DROP COLUMN directory",
	}}
}

// Bounds of the columns of a location, in bytes.
const (
	maxBucketBytes   = 255
	maxKeyPathBytes  = 1024 // an S3 object key
	maxChecksumBytes = 128  // algorithm:hexadecimal
)

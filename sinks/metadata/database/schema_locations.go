package database

// schemaLocations adds the places of footage. The upkeep adds the locations of existing rows in
// batches: a migration of a million rows would delay the start.
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

// schemaLocationsByNode removes the directory column; spool_directories holds the directory of each
// node. The copy in each location was empty until the recorder had claimed its directory, and
// outdated after it had taken another one.
func schemaLocationsByNode(string) []statement {
	return []statement{{
		table: "spool_locations", column: "directory", drops: true,
		sql: "ALTER TABLE spool_locations DROP COLUMN directory",
	}}
}

// Bounds of the columns of a location.
const (
	maxBucketBytes   = 255
	maxKeyPathBytes  = 1024 // an S3 object key
	maxChecksumBytes = 128  // algorithm:hexadecimal
)

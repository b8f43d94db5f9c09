package database

// schemaLocations adds where footage lies. The rows that are there get their locations in
// the catalogue's upkeep, in batches: a migration must not hold up a start for a million.
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

// schemaLocationsByNode leaves the directory to spool_directories, which knows it by the
// node: a copy in each location was empty until the recorder had claimed its directory,
// and old after it had taken another one.
func schemaLocationsByNode(string) []statement {
	return []statement{{
		table: "spool_locations", column: "directory", drops: true,
		sql: "ALTER TABLE spool_locations DROP COLUMN directory",
	}}
}

// What the columns of a location hold at most.
const (
	maxBucketBytes   = 255
	maxKeyPathBytes  = 1024 // a key of S3
	maxChecksumBytes = 128  // algorithm:hexadecimal
)

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

// What the columns of a location hold at most.
const (
	maxBucketBytes   = 255
	maxKeyPathBytes  = 1024 // a key of S3
	maxChecksumBytes = 128  // algorithm:hexadecimal
)

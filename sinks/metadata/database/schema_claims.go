package database

// ClaimsTable holds the claims of recorders on node names.
const ClaimsTable = "spool_claims"

// Bounds of the columns of a claim, in bytes.
const (
	MaxHostBytes     = 255
	maxIdentityBytes = 36 // a UUID as text
)

func schemaDirectories(driver string) []statement {
	t := typesOf(driver)
	return []statement{{sql: `CREATE TABLE IF NOT EXISTS spool_directories (
	node ` + t.varchar(MaxNameBytes) + ` NOT NULL PRIMARY KEY,
	identity ` + t.varchar(maxIdentityBytes) + ` NOT NULL
)` + t.table}}
}

func schemaClaims(driver string) []statement {
	t := typesOf(driver)
	return []statement{{sql: `CREATE TABLE IF NOT EXISTS spool_claims (
	node ` + t.varchar(MaxNameBytes) + ` NOT NULL PRIMARY KEY,
	directory ` + t.varchar(maxIdentityBytes) + ` NOT NULL,
	process ` + t.varchar(maxIdentityBytes) + ` NOT NULL,
	host ` + t.varchar(MaxHostBytes) + ` NOT NULL,
	path ` + t.varchar(MaxPathBytes) + ` NOT NULL,
	kernel ` + t.varchar(maxIdentityBytes) + ` NOT NULL,
	namespace ` + t.varchar(MaxNameBytes) + ` NOT NULL,
	pid bigint NOT NULL,
	born ` + t.varchar(MaxNameBytes) + ` NOT NULL,
	inode ` + t.varchar(MaxNameBytes) + ` NOT NULL,
	started bigint NOT NULL,
	seen bigint NOT NULL,
	beats bigint NOT NULL,
	released smallint NOT NULL
)` + t.table}}
}

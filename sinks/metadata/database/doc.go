// Package database opens the catalogue's database and keeps its schema, for SQLite, PostgreSQL,
// and MySQL or MariaDB. Package metadata reads and writes the rows.
//
//	Parse     reads database.driver and database.dsn, without I/O
//	Target    opens the database: each new connection sets the session variables that the
//	          statements rely on (session.go), and one recorder at a time migrates the schema
//	          (migrations.go)
//	DB        is the open database, with one pool of connections, or with SQLite two
//	TroubleOf classifies an error by its consequence for the pending changes (trouble.go)
//	Rescue    rebuilds a malformed SQLite file (rescue.go, salvage.go)
//
// # Schema
//
// The schema is a list of versions, each of which has statements that change the previous one. A
// released version is never edited. A migration can be repeated after an interruption at any statement:
// MySQL commits each of them by itself. When a SQLite database is opened, all statements are one
// transaction. A process refuses a schema that is newer than its own. It also refuses a table that has the
// name of a table of the first version but lacks one of its columns.
package database

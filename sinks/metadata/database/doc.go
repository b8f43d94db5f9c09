// Package database opens the catalogue's database and keeps its schema, for SQLite, PostgreSQL,
// and MySQL or MariaDB. Package metadata reads and writes the rows.
//
//	Parse     reads database.driver and database.dsn, without I/O
//	Target    opens the database: each connection sets the session variables that the statements
//	          rely on (session.go), and one recorder at a time migrates the schema (migrations.go)
//	DB        has a pool that writes and one that reads; only SQLite needs two
//	TroubleOf classifies an error by its consequence for the waiting changes (trouble.go)
//	Rescue    rebuilds a malformed SQLite file (rescue.go, salvage.go)
//
// # Schema
//
// A released version of the schema is never edited; a change is another version. Each of its
// statements can run again, since MySQL commits each of them by itself. A process refuses a
// schema that is newer than its own, and a table that has one of spool's names and other
// columns.
package database

// Package database reaches the database of the catalogue, and keeps its schema: SQLite,
// PostgreSQL, or MySQL and MariaDB. It knows no recording; the rows are metadata's.
//
//	Parse     reads database.driver and database.dsn, and reaches nothing
//	Target    opens it: each connection sets what the statements rely on (session.go), and the
//	          schema is brought up to date by one recorder at a time (migrations.go)
//	DB        one pool that writes and one that reads; both are the same but for SQLite
//	TroubleOf says what an error means for what waits to be written (trouble.go)
//	Rescue    makes a SQLite file anew whose content is damaged (rescue.go, salvage.go)
//
// # Schema
//
// A version of the schema that was released is never edited; a change is another version.
// Its statements can each run again, since MySQL commits each of them by itself. A process
// refuses a schema that is newer than it knows, and a table with one of our names that
// another program made.
package database

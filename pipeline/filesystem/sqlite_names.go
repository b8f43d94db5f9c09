package filesystem

import "regexp"

// ofSQLite matches the suffixes of databases and of the files that SQLite and spool keep beside
// one, whatever the name of the database, also on file systems that ignore case.
var ofSQLite = regexp.MustCompile(`(?i)(\.(db|db3|sqlite|sqlite3|open|migrate|rebuilding)|-(wal|shm|journal))$`)

// NamesSQLite reports whether a segment of a path may be the name of a SQLite database or of a file
// beside one. No directory for recordings has such a name: it would block that file, and the
// database could not be opened.
func NamesSQLite(segment string) bool { return ofSQLite.MatchString(segment) }

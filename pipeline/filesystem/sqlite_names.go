package filesystem

import "regexp"

// ofSQLite is the end of the names of databases, and of what SQLite and spool keep beside one,
// whatever the database is called and however a file system takes capitals.
var ofSQLite = regexp.MustCompile(`(?i)(\.(db|db3|sqlite|sqlite3|open|migrate|rebuilding)|-(wal|shm|journal))$`)

// NamesSQLite reports whether a segment of a path may be the name of a SQLite database, or of
// a file that is kept beside one. No directory for recordings has such a name: it would stand
// in the place of that file, and the database could not be opened.
func NamesSQLite(segment string) bool { return ofSQLite.MatchString(segment) }

package filesystem

import "regexp"

// ofSQLite matches the suffixes of database files, and those of the files that SQLite and spool keep beside a
// database. It ignores case, because some file systems do.
var ofSQLite = regexp.MustCompile(`(?i)(\.(db|db3|sqlite|sqlite3|open|migrate|rebuilding)|-(wal|shm|journal))$`)

// NamesSQLite reports whether a path segment may be the name of a SQLite database, or of a file beside one. No
// directory for recordings may have such a name: SQLite could not create its file, and the database could not
// be opened.
func NamesSQLite(segment string) bool { return ofSQLite.MatchString(segment) }

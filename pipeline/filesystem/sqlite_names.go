package filesystem

import "regexp"

// ofSQLite matches the suffixes of database files, and those of the files that SQLite and spool keep beside a
// database. It ignores case, because some file systems do.
var ofSQLite = regexp.MustCompile(`(?i)(\.(db|db3|sqlite|sqlite3|open|migrate|rebuilding)|-(wal|shm|journal))$`)

// NamesSQLite reports whether a path segment may be the name of a SQLite database, or of a file that SQLite or
// spool keeps beside a database. A directory for recordings must not have such a name: SQLite could not create
// its file of that name, and so could not open the database.
func NamesSQLite(segment string) bool { return ofSQLite.MatchString(segment) }

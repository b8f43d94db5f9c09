package database

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Trouble classifies an error of the database by its consequence for the pending changes.
type Trouble int

// The kinds of Trouble.
const (
	Away       Trouble = iota // the database does not answer, or its error is unknown: retry over new connections
	Busy                      // another connection has a lock: retry at once
	ReadOnly                  // the server refuses writes: it is a standby, or was made read-only
	NoRoom                    // the disk or the quota of the database is full
	WrongTable                // a table or a column is missing or has another form
	Forbidden                 // the account lacks a privilege, or cannot log in
	BadRow                    // the database will always refuse some row of this batch: write the rows one by one
)

// Advice holds the remedy for each kind of trouble that has a specific one.
var Advice = map[Trouble]string{
	ReadOnly: "the database is read-only: rows wait in the journal and arrive at whichever server takes writes at this address; " +
		"promote the standby, or unset read_only or default_transaction_read_only, or name the hosts of all servers in database.dsn",
	NoRoom: "make room on the disk of the database; rows wait in the journal meanwhile",
	WrongTable: "a table of the catalogue is missing or is not as spool made it: restore it and rows arrive by themselves; " +
		"if it is lost, spool reindex creates it again and fills it from the files",
	Forbidden: "check that the database of database.dsn exists, and that its account may log in, and SELECT, INSERT, UPDATE and DELETE in the tables spool_*; " +
		"rows wait in the journal meanwhile",
	BadRow: "the database refuses every row: check the object that its error names, such as a constraint, a trigger or a column that spool did not make; " +
		"rows wait in the journal meanwhile",
}

// The error codes of each kind of Trouble except Away. PostgreSQL has SQLSTATEs, of which some are listed
// by their prefix; MySQL and MariaDB have error numbers.
var (
	postgresCodes = []struct {
		means Trouble
		codes []string
	}{
		{Busy, []string{"40001", "40P01", "55P03"}}, // serialization, deadlock, lock timeout
		{ReadOnly, []string{"25006"}},
		{NoRoom, []string{"53100"}},
		{WrongTable, []string{"42P01", "42703", "42704", "42804", "42883", "42P10", "3F"}}, // table, column, object, type, operator, unique key, schema
		{Forbidden, []string{"42501", "28", "3D"}},                                         // privilege, authorization, no such database
		{BadRow, []string{"21", "22", "23", "44", "54", "P0001"}},                          // cardinality, data, integrity, check option, limit, a trigger's own
	}
	mysqlCodes = []struct {
		means Trouble
		codes []uint16
	}{
		{Busy, []uint16{1205, 1213, 1020, 3572}},                         // lock timeout, deadlock, changed since read, nowait
		{ReadOnly, []uint16{1290, 1792, 1836, 3100}},                     // an option such as --read-only, read-only transaction, read-only mode, a plugin such as group replication
		{NoRoom, []uint16{3, 1021, 1026, 1114, 14501}},                   // write, disk full, write, table full
		{WrongTable, []uint16{1054, 1136, 1146, 1176, 1347, 1364, 1932}}, // column, count, table, index, a view, a column without default, table in the engine
		{Forbidden, []uint16{1044, 1045, 1049, 1142, 1143, 1227, 1370, 1698}},
		{BadRow, []uint16{1048, 1062, 1118, 1153, 1264, 1265, 1292, 1300, 1301, 1366, 1367, 1406, 1411, 1441, 1451, 1452, 1525, 1526,
			1644, 1690, 1713, 1748, 1916, 1918, 3140, 3157, 3819, 3988, 4025}}, // null, unique, size, packet, range, cut, value, charset, foreign key, partition, SIGNAL, JSON, check
	}
)

// ErrUnreadableRow reports that a column of a row cannot be decoded: spool does not write such content.
var ErrUnreadableRow = errors.New("catalogue row")

// TroubleOf classifies an error of the database. It returns Away for an unknown error.
func TroubleOf(err error) Trouble {
	if errors.Is(err, ErrUnreadableRow) || errors.Is(err, mysql.ErrPktTooLarge) {
		return BadRow
	}
	// pgx returns these errors if no server fits the target_session_attrs of the DSN.
	if errors.Is(err, pgconn.ErrReadOnlyConnection) || errors.Is(err, pgconn.ErrStandbyConnection) {
		return ReadOnly
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		for _, c := range postgresCodes {
			if slices.ContainsFunc(c.codes, func(code string) bool { return strings.HasPrefix(pg.Code, code) }) {
				return c.means
			}
		}
		return Away
	}
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		for _, c := range mysqlCodes {
			if slices.Contains(c.codes, my.Number) {
				return c.means
			}
		}
		return Away
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return sqliteTrouble(lite)
	}
	return Away
}

func sqliteTrouble(err *sqlite.Error) Trouble {
	switch err.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
		return BadRow
	case sqlite3.SQLITE_FULL:
		return NoRoom
	case sqlite3.SQLITE_READONLY:
		return ReadOnly
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return Forbidden
	case sqlite3.SQLITE_ERROR: // SQLite's only code for the faults of a statement: the text tells them apart
		for _, text := range []string{"no such table", "no such column", "has no column named", "no such index", "ON CONFLICT clause does not match"} {
			if strings.Contains(err.Error(), text) {
				return WrongTable
			}
		}
	}
	return Away
}

package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

// version is one version of the schema. Each of its statements can be executed again, since the
// process may end between any two statements: MySQL commits each by itself.
type version struct {
	name, comment string // name is the time at which the version was written, and orders the versions
	Statements    func(driver string) []statement
}

// Versions lists the versions of the schema, the oldest first. A released version is never edited.
var Versions = []version{
	{"20261122000001", "recordings", schemaRecordings},
	{"20261122000002", "indexes", schemaIndexes},
	{"20261122000003", "events", schemaEvents},
	{"20261122000004", "directories", schemaDirectories},
	{"20261126000001", "event footage", schemaEventFootage},
	{"20261126020001", "clock steps", schemaClockSteps},
	{"20261126030001", "claims", schemaClaims},
	{"20261126040001", "exact streams", schemaExactStreams},
	{"20261127180001", "gaps and anchors", schemaGaps},
	{"20261127190001", "locations", schemaLocations},
	{"20261127200001", "directories of locations", schemaLocationsByNode},
}

// statement is one DDL statement of a version of the schema.
type statement struct {
	sql           string
	index         string // index that the statement creates; on MySQL it is skipped if the index exists
	table, column string // column that the statement adds; it is skipped if the column exists. Empty: it adds none
	only          string // the single driver that needs the statement; empty: every driver
	drops         bool   // the statement drops the column instead, and is skipped if the column does not exist
}

// createIndex returns the statement that creates an index of a table on columns.
func createIndex(driver, name, table, columns string) statement {
	ifNot := "IF NOT EXISTS "
	if driver == "mysql" {
		ifNot = ""
	}
	return statement{sql: "CREATE INDEX " + ifNot + name + " ON " + table + " (" + columns + ")", index: name}
}

// addColumn returns the statement that adds a column to a table.
func addColumn(table, column, definition string) statement {
	return statement{sql: "ALTER TABLE " + table + " ADD COLUMN " + column + " " + definition, table: table, column: column}
}

// Migrate brings the schema up to date. If several recorders start at once, one migrates and the
// others wait for it. Their lock belongs to a connection, or to an open file, so that a killed
// process leaves no lock behind.
//
// Migrate calls step before each statement and after each version, with the number of the call, and
// returns the first error of step: a test can thus interrupt a migration. step may be nil.
func (s *DB) Migrate(ctx context.Context, step func(n int) error) error {
	unlock, err := s.lockMigrations(ctx)
	if err != nil {
		return fmt.Errorf("%s: migrate: lock: %w", s.Driver, err)
	}
	defer unlock()
	return s.migrate(ctx, step)
}

// bring is Migrate for a DB that nothing else uses yet. In a SQLite database it executes all statements in one
// transaction, because each transaction waits for the disk. The pool RW then has one connection, so that each
// statement of migrate is executed in the transaction. If every version has been applied, bring only reads.
func (s *DB) bring(ctx context.Context) (err error) {
	if s.complete(ctx) {
		if err := s.refuseForeign(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.Driver, err)
		}
		return nil
	}
	if s.Driver != "sqlite" {
		return s.Migrate(ctx, nil)
	}
	unlock, err := s.lockMigrations(ctx)
	if err != nil {
		return fmt.Errorf("%s: migrate: lock: %w", s.Driver, err)
	}
	defer unlock()
	if _, err := s.RW.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("%s: migrate: %w", s.Driver, err)
	}
	end := "COMMIT"
	if err = s.migrate(ctx, nil); err != nil {
		end = "ROLLBACK"
	}
	if _, failed := s.RW.ExecContext(context.WithoutCancel(ctx), end); failed != nil {
		err = errors.Join(err, fmt.Errorf("%s: migrate: %w", s.Driver, failed))
	}
	return err
}

// complete reports whether exactly the versions of the schema that this program knows have been applied.
func (s *DB) complete(ctx context.Context) bool {
	var applied int
	var newest sql.NullString
	err := s.RW.NewRaw("SELECT COUNT(DISTINCT name), MAX(name) FROM spool_migrations").Scan(ctx, &applied, &newest)
	return err == nil && applied == len(Versions) && newest.String == Versions[len(Versions)-1].name
}

// migrate does the work of Migrate. The caller has the lock.
func (s *DB) migrate(ctx context.Context, step func(n int) error) error {
	if err := s.refuseForeign(ctx); err != nil {
		return fmt.Errorf("%s: %w", s.Driver, err)
	}
	n := 0
	list := migrate.NewMigrations()
	for _, v := range Versions {
		list.Add(migrate.Migration{Name: v.name, Comment: v.comment, Up: s.up(v, func() error {
			n++
			if step == nil {
				return nil
			}
			return step(n)
		})})
	}
	m := migrate.NewMigrator(s.RW, list, migrate.WithMarkAppliedOnSuccess(true),
		migrate.WithTableName("spool_migrations"), migrate.WithLocksTableName("spool_migration_locks"))
	if err := m.Init(ctx); err != nil {
		return fmt.Errorf("%s: migrate: %w", s.Driver, err)
	}
	if err := refuseNewer(ctx, m); err != nil {
		return fmt.Errorf("%s: migrate: %w", s.Driver, err)
	}
	if _, err := m.Migrate(ctx); err != nil {
		return fmt.Errorf("%s: migrate: %w", s.Driver, err)
	}
	return nil
}

// remake creates the tables that are missing although a migration created them, and lists them in
// s.Remade. These tables are empty until a reconciliation fills them. remake runs only when the
// database is opened: while recorders run, an administrator may be restoring a table.
func (s *DB) remake(ctx context.Context) error {
	if err := s.Check(ctx); err == nil || TroubleOf(err) != WrongTable {
		return err
	}
	unlock, err := s.lockMigrations(ctx)
	if err != nil {
		return fmt.Errorf("%s: migrate: lock: %w", s.Driver, err)
	}
	defer unlock()
	for _, table := range Tables {
		if err := s.have(ctx, []string{table}); err != nil && TroubleOf(err) == WrongTable {
			s.Remade = append(s.Remade, table)
		}
	}
	for _, v := range Versions {
		for _, st := range v.Statements(s.Driver) {
			if err := s.run(ctx, s.RW, st); err != nil {
				return fmt.Errorf("%s: create %s again: %w", s.Driver, strings.Join(s.Remade, ", "), err)
			}
		}
	}
	return s.Check(ctx)
}

// refuseNewer returns an error if the database has a version of the schema that is newer than all of
// Versions.
func refuseNewer(ctx context.Context, m *migrate.Migrator) error {
	applied, err := m.AppliedMigrations(ctx)
	if err != nil {
		return err
	}
	newest := Versions[len(Versions)-1].name
	for _, a := range applied {
		if a.Name > newest {
			return fmt.Errorf("the schema is at %s, newer than this program knows (%s): update the program", a.Name, newest)
		}
	}
	return nil
}

// up returns the function that migrates to the version v. That function calls before() ahead of
// each statement and once after the last one, and stops at the first error.
func (s *DB) up(v version, before func() error) func(context.Context, *migrate.Migrator, *migrate.Migration) error {
	return func(ctx context.Context, m *migrate.Migrator, _ *migrate.Migration) error {
		for _, st := range v.Statements(s.Driver) {
			if err := before(); err != nil {
				return err
			}
			if err := s.run(ctx, m.DB(), st); err != nil {
				return err
			}
		}
		return before()
	}
}

// run executes a statement, unless the statement must be skipped: see the fields of statement.
func (s *DB) run(ctx context.Context, db *bun.DB, st statement) error {
	if st.only != "" && st.only != s.Driver {
		return nil
	}
	if st.index != "" && s.Driver == "mysql" {
		var n int
		err := db.NewRaw("SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name = ?",
			st.index).Scan(ctx, &n)
		if err != nil || n > 0 {
			return err
		}
	}
	if st.column != "" {
		if there, err := s.hasColumn(ctx, db, st); err != nil || there != st.drops {
			return err
		}
	}
	text := st.sql
	if strings.Contains(text, exactCollation) {
		var name string
		err := db.NewRaw("SELECT collation_name FROM information_schema.collations WHERE collation_name IN (?) ORDER BY collation_name DESC LIMIT 1", bun.List(exactCollations)).Scan(ctx, &name)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		text = strings.ReplaceAll(text, exactCollation, name)
	}
	_, err := db.ExecContext(ctx, text)
	return err
}

// hasColumn reports whether the column that a statement adds or drops exists.
func (s *DB) hasColumn(ctx context.Context, db *bun.DB, st statement) (bool, error) {
	from := map[string]string{
		"sqlite":   "pragma_table_info(?) WHERE name = ?",
		"postgres": "pg_catalog.pg_attribute WHERE attrelid = to_regclass(?) AND attname = ? AND NOT attisdropped", // by search_path
		"mysql":    "information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?",
	}[s.Driver]
	var n int
	err := db.NewRaw("SELECT COUNT(*) FROM "+from, st.table, st.column).Scan(ctx, &n)
	return n > 0, err
}

// migrationLock is the key of PostgreSQL's advisory lock for migrations: "spool" in ASCII.
const migrationLock int64 = 0x73706f6f6c

// lockMigrations waits for the lock that permits one process to migrate, and takes it. The caller
// must call unlock.
func (s *DB) lockMigrations(ctx context.Context) (unlock func(), err error) {
	if s.Driver == "sqlite" {
		unlock, err := await(ctx, func() (func() error, error) { return System.LockPath(s.own, s.lockFile) })
		if err != nil {
			return nil, err
		}
		return func() { _ = unlock() }, nil
	}
	conn, err := s.RW.DB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err = lockOn(ctx, conn, s.Driver); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	// The lock ends with the session: ErrBadConn makes the pool close the connection.
	return func() {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = conn.Close()
	}, nil
}

func lockOn(ctx context.Context, conn *sql.Conn, driver string) error {
	if driver == "postgres" {
		_, err := conn.ExecContext(ctx, fmt.Sprintf("SELECT pg_advisory_lock(%d)", migrationLock))
		return err
	}
	var got sql.NullInt64
	err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(CONCAT(DATABASE(), '.spool_migrations'), 10)").Scan(&got)
	if err == nil && got.Int64 != 1 {
		err = errors.New("another recorder is still migrating")
	}
	return err
}

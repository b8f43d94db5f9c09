package metadata

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/gofrs/flock"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

// version is one step of the schema: statements that can each run again, since
// MySQL commits each of them by itself and a process may die between any two.
type version struct {
	name, comment string
	statements    func(driver string) []statement
}

// versions is the schema's history. A version that was released is never edited.
var versions = []version{
	{"20261122000001", "recordings", schemaRecordings},
	{"20261122000002", "indexes", schemaIndexes},
	{"20261122000003", "events", schemaEvents},
	{"20261122000004", "directories", schemaDirectories},
	{"20261126000001", "event footage", schemaEventFootage},
	{"20261126020001", "clock steps", schemaClockSteps},
}

// statement is one DDL statement; on MySQL an index is looked for first, since
// only MariaDB knows IF NOT EXISTS there, and so is a column everywhere.
type statement struct{ sql, index, table, column string }

// migrate brings the schema up to date. Several recorders may start at once: one
// works and the others wait. The lock belongs to the connection (or the open
// file), so that a killed process leaves none behind. step is called before each
// statement; tests stop there.
func (s *store) migrate(ctx context.Context, step func(n int) error) error {
	unlock, err := s.lockMigrations(ctx)
	if err != nil {
		return fmt.Errorf("%s: migrate: lock: %w", s.driver, err)
	}
	defer unlock()
	if err := s.refuseForeign(ctx); err != nil {
		return fmt.Errorf("%s: %w", s.driver, err)
	}
	n := 0
	list := migrate.NewMigrations()
	for _, v := range versions {
		list.Add(migrate.Migration{Name: v.name, Comment: v.comment, Up: s.up(v, func() error {
			n++
			if step == nil {
				return nil
			}
			return step(n)
		})})
	}
	m := migrate.NewMigrator(s.rw, list, migrate.WithMarkAppliedOnSuccess(true),
		migrate.WithTableName("spool_migrations"), migrate.WithLocksTableName("spool_migration_locks"))
	if err := m.Init(ctx); err != nil {
		return fmt.Errorf("%s: migrate: %w", s.driver, err)
	}
	if err := refuseNewer(ctx, m); err != nil {
		return fmt.Errorf("%s: migrate: %w", s.driver, err)
	}
	if _, err := m.Migrate(ctx); err != nil {
		return fmt.Errorf("%s: migrate: %w", s.driver, err)
	}
	return nil
}

// refuseNewer keeps an old program from writing into a schema it does not know.
func refuseNewer(ctx context.Context, m *migrate.Migrator) error {
	applied, err := m.AppliedMigrations(ctx)
	if err != nil {
		return err
	}
	newest := versions[len(versions)-1].name
	for _, a := range applied {
		if a.Name > newest {
			return fmt.Errorf("the schema is at %s, newer than this program knows (%s): update the program", a.Name, newest)
		}
	}
	return nil
}

func (s *store) up(v version, before func() error) func(context.Context, *migrate.Migrator, *migrate.Migration) error {
	return func(ctx context.Context, m *migrate.Migrator, _ *migrate.Migration) error {
		for _, st := range v.statements(s.driver) {
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

func (s *store) run(ctx context.Context, db *bun.DB, st statement) error {
	if st.index != "" && s.driver == "mysql" {
		var n int
		err := db.NewRaw("SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name = ?",
			st.index).Scan(ctx, &n)
		if err != nil || n > 0 {
			return err
		}
	}
	if st.column != "" {
		if there, err := s.hasColumn(ctx, db, st); err != nil || there {
			return err
		}
	}
	_, err := db.ExecContext(ctx, st.sql)
	return err
}

func (s *store) hasColumn(ctx context.Context, db *bun.DB, st statement) (bool, error) {
	from := map[string]string{
		"sqlite":   "pragma_table_info(?) WHERE name = ?",
		"postgres": "information_schema.columns WHERE table_schema = current_schema() AND table_name = ? AND column_name = ?",
		"mysql":    "information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?",
	}[s.driver]
	var n int
	err := db.NewRaw("SELECT COUNT(*) FROM "+from, st.table, st.column).Scan(ctx, &n)
	return n > 0, err
}

// migrationLock is any number of 64 bits that means the same to all recorders.
const migrationLock = 0x73706f6f6c

func (s *store) lockMigrations(ctx context.Context) (unlock func(), err error) {
	if s.driver == "sqlite" {
		lock := flock.New(s.lockFile)
		if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
			return nil, err
		}
		return func() { _ = lock.Unlock() }, nil
	}
	conn, err := s.rw.DB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err = lockOn(ctx, conn, s.driver); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	// The session ends with the lock: nothing is left to unlock by hand.
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

package database

import (
	"context"
	"errors"
	"strings"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/filesystem"
)

// DB is an open database with the current schema.
type DB struct {
	Driver   string
	RW, RO   *bun.DB // one pool for both, except for sqlite: one connection that writes, some that read
	lockFile string  // locked during migrations; sqlite only
	own      filesystem.Own
	unlock   func() error // releases the lock of openSuffix; nil: nothing is locked
	OneHost  bool         // no other machine can reach the database: sqlite on a local disk
	UTF16    bool         // the database encodes text as UTF-16; sqlite only
	Remade   []string     // tables that were missing and have been created again: see remake
}

// begin brings the schema up to date; on an error it closes the database. A standby, or an
// account without the right to change the schema, is accepted when the schema is up to date.
func (s *DB) begin(ctx context.Context) (*DB, error) {
	err := s.Migrate(ctx, nil)
	if err == nil {
		err = s.remake(ctx)
	}
	if kind := TroubleOf(err); err != nil && (kind == ReadOnly || kind == Forbidden) && s.current(ctx) {
		err = nil
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Tables lists the tables of the schema; a page of recordings reads the first three.
var Tables = []string{"spool_journals", "spool_recordings", "spool_streams",
	"spool_events", "spool_event_recordings", "spool_directories", "spool_upkeep", "spool_claims", "spool_locations"}

// Ping reports an error unless recordings can be read.
func (s *DB) Ping(ctx context.Context) error { return s.have(ctx, Tables[:3]) }

// Check reports an error unless every table of the schema is there.
func (s *DB) Check(ctx context.Context) error { return s.have(ctx, Tables) }

// current reports whether the schema is complete and of this program's version.
func (s *DB) current(ctx context.Context) bool {
	var newest string
	err := s.RO.NewRaw("SELECT MAX(name) FROM spool_migrations").Scan(ctx, &newest)
	return err == nil && newest == Versions[len(Versions)-1].name && s.Check(ctx) == nil
}

func (s *DB) have(ctx context.Context, tables []string) error {
	_, err := s.RO.ExecContext(ctx, "SELECT 1 FROM "+strings.Join(tables, ", ")+" WHERE 1 = 0")
	return err
}

// Anew closes idle connections. A server's address may lead to another primary since they were
// made, and sqlite's connections keep the old file open after its disk was mounted again.
func (s *DB) Anew() {
	for _, db := range []*bun.DB{s.RW, s.RO} {
		db.DB.SetMaxIdleConns(0)
		db.DB.SetMaxIdleConns(poolSize)
	}
}

// Close closes the connections and releases the lock of the file.
func (s *DB) Close() error {
	err := s.RW.Close()
	if s.RO != s.RW {
		err = errors.Join(err, s.RO.Close())
	}
	if s.unlock != nil {
		err = errors.Join(err, s.unlock())
	}
	return err
}

package database

import (
	"context"
	"errors"
	"strings"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/filesystem"
)

// DB is a database that has been reached and has the schema.
type DB struct {
	Driver   string
	RW, RO   *bun.DB // the same pool, but for sqlite: one connection that writes, some that read
	lockFile string  // of the migrations; sqlite only
	own      filesystem.Own
	unlock   func() error // see openSuffix; nil: nothing is locked
	OneHost  bool         // no other machine can reach it: sqlite on a disk of this one
	UTF16    bool         // how the database keeps text; sqlite only
	Remade   []string     // tables that were gone: see remake
}

// begin brings the schema up to date; on an error it closes what was opened. Where it
// may not be changed, such as at a standby or by an account without that right, it will
// do if it is up to date.
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

// Tables are those of the schema: first the ones that a page of recordings is read from.
var Tables = []string{"spool_journals", "spool_recordings", "spool_streams",
	"spool_events", "spool_event_recordings", "spool_directories", "spool_upkeep", "spool_claims", "spool_locations"}

// Ping asks whether recordings can be read.
func (s *DB) Ping(ctx context.Context) error { return s.have(ctx, Tables[:3]) }

// Check asks whether the schema is there.
func (s *DB) Check(ctx context.Context) error { return s.have(ctx, Tables) }

// current reports whether the schema is there, and of this program's version.
func (s *DB) current(ctx context.Context) bool {
	var newest string
	err := s.RO.NewRaw("SELECT MAX(name) FROM spool_migrations").Scan(ctx, &newest)
	return err == nil && newest == Versions[len(Versions)-1].name && s.Check(ctx) == nil
}

func (s *DB) have(ctx context.Context, tables []string) error {
	_, err := s.RO.ExecContext(ctx, "SELECT 1 FROM "+strings.Join(tables, ", ")+" WHERE 1 = 0")
	return err
}

// Anew lets go of idle connections: those to a server may be to one that is not the
// primary any more, those of sqlite hold on to the file that was there when they were
// made, and its disk may have been mounted again since.
func (s *DB) Anew() {
	for _, db := range []*bun.DB{s.RW, s.RO} {
		db.DB.SetMaxIdleConns(0)
		db.DB.SetMaxIdleConns(poolSize)
	}
}

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

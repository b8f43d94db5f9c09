package database

import (
	"context"
	"errors"
	"strings"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/filesystem"
)

// DB is an open database whose schema is up to date.
type DB struct {
	Driver   string         // sqlite, postgres or mysql
	RW, RO   *bun.DB        // for writing and for reading; the same pool, unless SQLite permits several connections
	lockFile string         // path of the file that is locked during migrations; sqlite only
	own      filesystem.Own // access to the files of the database; sqlite only
	unlock   func() error   // releases the lock on the file openSuffix; nil: it is not locked
	OneHost  bool           // no other machine can open the database: it is SQLite on a local disk
	UTF16    bool           // the database encodes text as UTF-16; sqlite only
	Remade   []string       // tables that were missing at the start and were created again, empty
}

// begin brings the schema up to date and returns s. If the account or the server refuses to change
// the schema, as a standby does, begin checks instead that the schema is up to date. After an error
// it closes the database.
func (s *DB) begin(ctx context.Context) (*DB, error) {
	err := s.bring(ctx)
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

// Tables lists the tables of the schema. Queries of recordings need the first three only.
var Tables = []string{"spool_journals", "spool_recordings", "spool_streams",
	"spool_events", "spool_event_recordings", "spool_directories", "spool_upkeep", "spool_claims", "spool_locations"}

// Ping returns an error unless recordings can be read.
func (s *DB) Ping(ctx context.Context) error { return s.have(ctx, Tables[:3]) }

// Check returns an error unless every table of the schema can be read.
func (s *DB) Check(ctx context.Context) error { return s.have(ctx, Tables) }

// current reports whether the schema is complete and the newest one that this program knows.
func (s *DB) current(ctx context.Context) bool {
	var newest string
	err := s.RO.NewRaw("SELECT MAX(name) FROM spool_migrations").Scan(ctx, &newest)
	return err == nil && newest == Versions[len(Versions)-1].name && s.Check(ctx) == nil
}

// have returns an error unless every one of the tables can be read.
func (s *DB) have(ctx context.Context, tables []string) error {
	_, err := s.RO.ExecContext(ctx, "SELECT 1 FROM "+strings.Join(tables, ", ")+" WHERE 1 = 0")
	return err
}

// Anew closes the idle connections, so that later statements use new ones. An old connection may
// lead to the wrong place: the server's address may have moved to another primary, or the disk of a
// SQLite file may have been mounted again.
func (s *DB) Anew() {
	for _, db := range []*bun.DB{s.RW, s.RO} {
		db.DB.SetMaxIdleConns(0)
		db.DB.SetMaxIdleConns(poolSize)
	}
}

// Close closes the connections, and releases the lock on the file openSuffix, if this DB holds it.
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

package metadata

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// Where a recording's footage lies stands in a table of its own, since it may lie in
// several places:
//
//	spool_locations (recording_id, node, bucket) -> path, size, checksum, state
//
// A place is a recorder's disk (node, and no bucket) or a bucket, in which path is the key.
// Which directory a recorder's disk is, spool_directories says when it is asked.
//
// The row keeps its node, path, size and state: it is indexed by them, the journal's
// records hold them, and a page of recordings is filtered by them. They are the copy of the
// recorder's own location.
// Invariant: a transaction that changes them changes that location, from the row itself, so
// that both have the newest revision whatever the order of changes. Rows of an earlier
// version of the schema get theirs in Upkeep; until then the row says it.
//
// That goes in transactions of 500 rows, each of which moves the task's position, beside
// recording and after a kill from there on (make bench-fill; AMD EPYC, 2 cores that others
// used as well; at most 5 MB of heap, with PostgreSQL 6.2 MB):
//
//	SQLite      1000000 rows   10.9 s, a batch 3 ms in the median, 73 ms at most
//	PostgreSQL   100000 rows    3.9 s,        18 ms,               55 ms
//	MariaDB      100000 rows    2.6 s,         7 ms,              120 ms

// location is a row of spool_locations.
type location struct {
	bun.BaseModel `bun:"table:spool_locations"`

	Recording string `bun:"recording_id,pk"`
	Node      string `bun:"node,pk"`
	Bucket    string `bun:"bucket,pk"`
	Path      string `bun:"path"`
	Size      int64  `bun:"size"`
	Checksum  string `bun:"checksum"`
	State     string `bun:"state"`
	Directory string `bun:"directory,scanonly"` // of spool_directories
}

func (l *location) value() media.Location {
	return media.Location{Node: l.Node, Directory: l.Directory, Bucket: l.Bucket, Path: l.Path, Size: l.Size,
		Checksum: l.Checksum, State: media.State(l.State)}
}

// ownLocations selects the locations that rows tell of.
const ownLocations = "INSERT INTO spool_locations (recording_id, node, bucket, path, size, checksum, state) " +
	"SELECT r.id, r.node, '', r.file_path, r.size, '', CASE r.state WHEN 'remote' THEN 'lost' ELSE r.state END FROM spool_recordings r WHERE r.id IN (?) "

// locate makes the recorders' own locations of recordings what their rows say.
func (s *store) locate(ctx context.Context, tx bun.Tx, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	set := "ON CONFLICT (recording_id, node, bucket) DO UPDATE SET path = EXCLUDED.path, size = EXCLUDED.size, state = EXCLUDED.state"
	if s.Driver == "mysql" {
		set = "ON DUPLICATE KEY UPDATE path = VALUES(path), size = VALUES(size), state = VALUES(state)"
	}
	_, err := tx.NewRaw(ownLocations+set, bun.List(ids)).Exec(ctx)
	return err
}

// relocate is locate for recordings whose row has got another recorder's name: its disk
// is the one that they had.
func (s *store) relocate(ctx context.Context, tx bun.Tx, ids []string, names []string) error {
	_, err := tx.NewDelete().Table("spool_locations").Where("recording_id IN (?)", bun.List(ids)).
		Where("bucket = ''").Where("node IN (?)", bun.List(names)).Exec(ctx)
	if err != nil {
		return err
	}
	return s.locate(ctx, tx, ids)
}

// locations are those of recordings that the database knows.
func (s *store) locations(ctx context.Context, ids []string) (out []location, err error) {
	err = s.locationsOf(ids).Scan(ctx, &out)
	return out, err
}

// locationsOf asks for those, in one question for a page.
func (s *store) locationsOf(ids []string) *bun.SelectQuery {
	return s.RO.NewSelect().TableExpr("spool_locations AS l").
		Join("LEFT JOIN spool_directories AS d ON d.node = l.node AND l.bucket = ''").
		ColumnExpr("l.*, COALESCE(d.identity, '') AS directory").
		Where("l.recording_id IN (?)", bun.List(ids)).Where("l.state <> ?", string(media.StateUnwanted)).OrderExpr("l.recording_id, l.bucket, l.node")
}

// addLocations says of each record where its footage lies: first where its recorder has
// it, which the record itself knows best, then every other place. While the database does
// not answer, that is all that is known: see media.Record.Located.
func (c *Catalogue) addLocations(ctx context.Context, recs []media.Record) {
	if len(recs) == 0 {
		return
	}
	at, ids := make(map[string]int, len(recs)), make([]string, len(recs))
	for i := range recs {
		r := &recs[i]
		ids[i] = r.ID.String()
		at[ids[i]] = i
		r.Locations = []media.Location{{Node: r.Node, Directory: r.Directory, Path: r.Path, Size: r.Size, State: ownState(r.State)}}
	}
	var stored []location
	err := c.read(ctx, func(ctx context.Context, s *store) (err error) {
		stored, err = s.locations(ctx, ids)
		return err
	})
	if err != nil {
		return
	}
	for i := range recs {
		recs[i].Located = true
	}
	for i := range stored {
		l := &stored[i]
		r := &recs[at[l.Recording]]
		if own := &r.Locations[0]; l.Bucket == "" && l.Node == own.Node {
			own.Directory, own.Checksum = l.Directory, l.Checksum
			continue
		}
		r.Locations = append(r.Locations, l.value())
	}
}

// locating is the task of spool_upkeep that gives the rows of an earlier version of the
// schema their locations.
const locating = "locations"

// locateAgain lets Upkeep begin that task anew: the table was gone.
func (s *store) locateAgain(ctx context.Context) error {
	_, err := s.RW.NewDelete().Table("spool_upkeep").Where("task = ?", locating).Exec(ctx)
	return err
}

// locateBatch does so for the next rows behind a position, and gives the next one. A
// location that is there is newer.
func (s *store) locateBatch(ctx context.Context, tx bun.Tx, at string) (next string, err error) {
	after := row.Key{Start: -1 << 63}
	if at != "" {
		if _, err := fmt.Sscanf(at, "%d %s", &after.Start, &after.ID); err != nil {
			return "", fmt.Errorf("spool_upkeep: position %q: %w", at, err)
		}
	}
	var rows []*row.Row
	q := tx.NewSelect().Model(&rows).Column("id", "start_ns").OrderExpr("r.start_ns, r.id").Limit(upkeepBatch)
	behind(q, "r.start_ns", "r.id", after)
	if err := q.Scan(ctx); err != nil || len(rows) == 0 {
		return taskDone, err
	}
	ids := idsOf(rows)
	skip := "ON CONFLICT (recording_id, node, bucket) DO NOTHING"
	if s.Driver == "mysql" {
		skip = "ON DUPLICATE KEY UPDATE path = spool_locations.path"
	}
	if _, err := tx.NewRaw(ownLocations+skip, bun.List(ids)).Exec(ctx); err != nil || len(rows) < upkeepBatch {
		return taskDone, err
	}
	last := rows[len(rows)-1].Key()
	return fmt.Sprintf("%d %s", last.Start, last.ID), nil
}

package metadata

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// A recording may have several locations. They are in a table of their own:
//
//	spool_locations (recording_id, node, bucket) -> path, size, checksum, state
//
// A location is in the record directory of a recorder (node, with an empty bucket) or in a bucket, where
// path is the object's key. spool_directories holds the identity of each recorder's directory.
//
// The location in the directory of the recorder that made the recording is its own location. The row
// in spool_recordings has node, path, size and state of the own location, too: queries filter by them,
// and a record of the journal contains them. Invariant: a transaction that changes these columns also
// updates the own location from the row. Rows that an earlier version of spool made have no own location
// until Upkeep adds it; queries take it from the row.
//
// Upkeep adds these locations in transactions of 500 rows, beside recording, and resumes after a kill.
// Measured by make bench-fill (AMD EPYC, 2 cores shared with other processes; at most 5 MB of heap, with
// PostgreSQL 6.2 MB):
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
	SizeBytes int64  `bun:"size"`
	Checksum  string `bun:"checksum"`
	State     string `bun:"state"`
	Directory string `bun:"directory,scanonly"` // identity of the node's directory, from spool_directories
}

// value returns the row as a media.Location.
func (l *location) value() media.Location {
	return media.Location{Node: l.Node, Directory: l.Directory, Bucket: l.Bucket, Path: l.Path, SizeBytes: l.SizeBytes,
		Checksum: l.Checksum, State: media.State(l.State)}
}

// ownLocations is the begin of the statement that inserts the own location of each of several
// recordings: the location in the directory of the recorder that made the recording. It takes the
// columns of the location from the recording's row.
const ownLocations = "INSERT INTO spool_locations (recording_id, node, bucket, path, size, checksum, state) " +
	"SELECT r.id, r.node, '', r.file_path, r.size, '', CASE r.state WHEN 'remote' THEN 'lost' ELSE r.state END FROM spool_recordings r WHERE r.id IN (?) "

// locate inserts or updates the own location of each recording, the one in the directory of its
// recorder, from the recording's row.
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

// relocate corrects the locations of recordings whose row has got another node. It removes their
// locations in the record directories of the nodes names: the present and the former names of this
// recorder. It then inserts each recording's own location, the one in the directory of its recorder,
// from the row.
func (s *store) relocate(ctx context.Context, tx bun.Tx, ids []string, names []string) error {
	_, err := tx.NewDelete().Table("spool_locations").Where("recording_id IN (?)", bun.List(ids)).
		Where("bucket = ''").Where("node IN (?)", bun.List(names)).Exec(ctx)
	if err != nil {
		return err
	}
	return s.locate(ctx, tx, ids)
}

// locations returns the stored locations of recordings, except those with the state unwanted: see
// location_gone.go.
func (s *store) locations(ctx context.Context, ids []string) (out []location, err error) {
	err = s.locationsOf(ids).Scan(ctx, &out)
	return out, err
}

// locationsOf returns the query with which store.locations reads.
func (s *store) locationsOf(ids []string) *bun.SelectQuery {
	return s.RO.NewSelect().TableExpr("spool_locations AS l").
		Join("LEFT JOIN spool_directories AS d ON d.node = l.node AND l.bucket = ''").
		ColumnExpr("l.*, COALESCE(d.identity, '') AS directory").
		Where("l.recording_id IN (?)", bun.List(ids)).Where("l.state <> ?", string(media.StateUnwanted)).OrderExpr("l.recording_id, l.bucket, l.node")
}

// addLocations sets Locations and Located of each record. The first location is the recording's own
// one, in the directory of its recorder: it is taken from the record. The other locations are read
// from the database. If that fails, addLocations sets only the own location, and leaves Located false.
func (c *Catalogue) addLocations(ctx context.Context, recs []media.Record) {
	if len(recs) == 0 {
		return
	}
	at, ids := make(map[string]int, len(recs)), make([]string, len(recs))
	for i := range recs {
		r := &recs[i]
		ids[i] = r.ID.String()
		at[ids[i]] = i
		r.Locations = []media.Location{{Node: r.Node, Directory: r.Directory, Path: r.Path, SizeBytes: r.SizeBytes, State: ownState(r.State)}}
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

// locating is the name of the upkeep task that adds the missing own locations (see location) of
// recordings. Rows of an earlier version of spool have none.
const locating = "locations"

// locateAgain makes the upkeep task locating begin again, after the table spool_locations was lost and
// created again, empty.
func (s *store) locateAgain(ctx context.Context) error {
	_, err := s.RW.NewDelete().Table("spool_upkeep").Where("task = ?", locating).Exec(ctx)
	return err
}

// locateBatch performs one batch of the upkeep task locating, with the parameters and results of
// taskBatch. It adds the own location of each of the next recordings, from the recording's row. It
// leaves an own location that is stored already unchanged.
func (s *store) locateBatch(ctx context.Context, tx bun.Tx, at string) (next string, added int64, err error) {
	after := row.Key{StartNS: -1 << 63}
	if at != "" {
		if _, err := fmt.Sscanf(at, "%d %s", &after.StartNS, &after.ID); err != nil {
			return "", 0, fmt.Errorf("spool_upkeep: position %q: %w", at, err)
		}
	}
	var rows []*row.Row
	q := tx.NewSelect().Model(&rows).Column("id", "start_ns").OrderExpr("r.start_ns, r.id").Limit(upkeepBatch)
	behind(q, "r.start_ns", "r.id", after)
	if err := q.Scan(ctx); err != nil || len(rows) == 0 {
		return taskDone, 0, err
	}
	ids := idsOf(rows)
	skip := "ON CONFLICT (recording_id, node, bucket) DO NOTHING"
	if s.Driver == "mysql" {
		skip = "ON DUPLICATE KEY UPDATE path = spool_locations.path"
	}
	done, err := tx.NewRaw(ownLocations+skip, bun.List(ids)).Exec(ctx)
	if err == nil {
		added, err = done.RowsAffected()
	}
	if err != nil || len(rows) < upkeepBatch {
		return taskDone, added, err
	}
	last := rows[len(rows)-1].Key()
	return fmt.Sprintf("%d %s", last.StartNS, last.ID), added, nil
}

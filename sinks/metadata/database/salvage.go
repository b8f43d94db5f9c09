package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Salvaged lists the tables that are copied from a damaged catalogue. key has the columns in whose
// order a table is read. spool_journals and spool_upkeep are not copied: the journal is then
// applied from its begin, and the upkeep tasks run again.
var Salvaged = []struct {
	table, key string
	rowid      bool
}{
	{table: "spool_recordings", key: "rowid", rowid: true},
	{table: "spool_events", key: "id"},
	{table: "spool_event_recordings", key: "event_id, recording_id"},
	{table: "spool_locations", key: "recording_id, node, bucket"},
	{table: "spool_streams", key: "path"},
	{table: "spool_directories", key: "node"},
	{table: ClaimsTable, key: "node"},
}

// salvage copies the readable rows of the file old into an empty catalogue, and returns the numbers
// of rows by table. It drops rows whose revision is later than newest.
func salvage(ctx context.Context, old string, into *DB, newest time.Time) (out []RescuedTable, err error) {
	db, err := openReadOnly(old)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	var n int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master").Scan(&n); Malformed(err) {
		_ = db.Close()
		revived := old + ".rebuilding" + copySuffix
		defer func() { _ = os.Remove(revived) }()
		// The checkpoint writes the header, which reviveHeader copies, into the file.
		if _, err := into.RW.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			return nil, err
		}
		if err := reviveHeader(old, old+".rebuilding", revived); err != nil {
			return nil, err
		}
		if db, err = openReadOnly(revived); err != nil {
			return nil, err
		}
	}
	for _, t := range Salvaged {
		r := rescuer{old: db, into: into.RW.DB, table: t.table, newestNS: newest.UnixNano(), seen: map[string]bool{}}
		r.report.Name = t.table
		if err := r.begin(ctx); err != nil {
			if ctx.Err() != nil || !errors.Is(err, errUnreadable) {
				return out, err
			}
			r.report.Error = strings.TrimPrefix(err.Error(), errUnreadable.Error()+": ")
		} else if err := r.copy(ctx, t.key, t.rowid); err != nil {
			return out, err
		}
		out = append(out, r.report)
	}
	return out, nil
}

// errUnreadable reports that nothing of a table can be read.
var errUnreadable = errors.New("it cannot be read")

// rescuer copies one table from a damaged catalogue into a new one.
type rescuer struct {
	old, into *sql.DB
	table     string
	newestNS  int64           // highest plausible revision
	columns   []string        // the columns that the table has in both catalogues
	integers  map[string]bool // the columns of type integer
	insert    string          // the statement that inserts one row
	report    RescuedTable

	tx   *sql.Tx
	seen map[string]bool // keys read so far; not used for spool_recordings, which is read in order of rowid
	last int64           // rowid of the row that was read last
}

// begin sets columns, integers and insert. It returns errUnreadable if the old catalogue lacks the
// table, or if its columns cannot be read.
func (r *rescuer) begin(ctx context.Context) error {
	have, _, err := columnsOf(ctx, r.old, r.table)
	if err == nil && len(have) == 0 {
		err = errors.New("the table is missing")
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errUnreadable, err)
	}
	want, integers, err := columnsOf(ctx, r.into, r.table)
	if err != nil {
		return err
	}
	r.integers = integers
	for _, c := range want {
		if slices.Contains(have, c) {
			r.columns = append(r.columns, c)
		}
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(r.columns)), ",")
	r.insert = "INSERT OR IGNORE INTO " + r.table + " (" + strings.Join(r.columns, ", ") + ") VALUES (" + marks + ")"
	return nil
}

// columnsOf returns the names of a table's columns, and the set of those columns whose type is an
// integer.
func columnsOf(ctx context.Context, db *sql.DB, table string) (names []string, integers map[string]bool, err error) {
	rows, err := db.QueryContext(ctx, "SELECT name, type FROM pragma_table_info(?)", table)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	integers = map[string]bool{}
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			return nil, nil, err
		}
		names = append(names, name)
		integers[name] = strings.Contains(kind, "int")
	}
	return names, integers, rows.Err()
}

// copy copies the readable rows in one transaction: in order of rowid if rowid is set, else in
// order of key from both ends. The error is one of the new catalogue or of ctx.
func (r *rescuer) copy(ctx context.Context, key string, rowid bool) (err error) {
	if r.tx, err = r.into.BeginTx(ctx, nil); err != nil {
		return err
	}
	defer func() { _ = r.tx.Rollback() }()
	if rowid {
		err = r.byRowid(ctx)
	} else {
		err = r.fromBothEnds(ctx, key)
	}
	if err != nil {
		return err
	}
	return r.tx.Commit()
}

// byRowid copies a table in order of rowid. Where a row cannot be read, it continues with the next
// readable row.
func (r *rescuer) byRowid(ctx context.Context) error {
	r.last = -1 << 62
	var end int64 = 1 << 40
	_ = r.old.QueryRowContext(ctx, "SELECT max(rowid) FROM "+r.table).Scan(&end)
	for {
		damage, err := r.read(ctx, "WHERE rowid > ? ORDER BY rowid", r.last)
		if err != nil || damage == nil {
			return err
		}
		r.report.Error = damage.Error()
		r.last = max(r.last, 0)
		next, found := r.nextReadable(ctx, end)
		if !found {
			return ctx.Err()
		}
		r.last = next
	}
}

// nextReadable returns a rowid above r.last, close behind the damage, such that the next row after
// this rowid can be read. It doubles the distance from r.last until a row can be read, and then
// bisects. It returns false if it reaches end, or when ctx ends.
func (r *rescuer) nextReadable(ctx context.Context, end int64) (int64, bool) {
	works := func(after int64) bool {
		var got int64
		return r.old.QueryRowContext(ctx, "SELECT rowid FROM "+r.table+" WHERE rowid > ? ORDER BY rowid LIMIT 1", after).Scan(&got) == nil &&
			r.whole(ctx, got)
	}
	fails, step := r.last, int64(1)
	for fails+step < end && ctx.Err() == nil {
		if !works(fails + step) {
			fails, step = fails+step, step*2
			continue
		}
		for ok := fails + step; ; { // bisect between the unreadable and the readable
			mid := fails + (ok-fails)/2
			switch {
			case mid == fails:
				return ok, true
			case works(mid):
				ok = mid
			default:
				fails = mid
			}
		}
	}
	return 0, false
}

// whole reports whether every column of a row can be read.
func (r *rescuer) whole(ctx context.Context, rowid int64) bool {
	values := r.values()
	return r.old.QueryRowContext(ctx, "SELECT "+strings.Join(r.columns, ", ")+" FROM "+r.table+" WHERE rowid = ?", rowid).Scan(values...) == nil
}

// fromBothEnds copies a table in ascending order of its key up to a damaged row, and then in
// descending order down to a damaged row.
func (r *rescuer) fromBothEnds(ctx context.Context, key string) error {
	damage, err := r.read(ctx, "ORDER BY "+key)
	if err != nil || damage == nil {
		return err
	}
	r.report.Error = damage.Error()
	_, err = r.read(ctx, "ORDER BY "+strings.ReplaceAll(key, ",", " DESC,")+" DESC")
	return err
}

// values returns a destination for Scan, with one element for each of r.columns.
func (r *rescuer) values() []any {
	values := make([]any, len(r.columns))
	for i := range values {
		values[i] = new(any)
	}
	return values
}

// read copies the rows of r.table until a row cannot be read: damage is then the reason. If all rows
// were read, damage is nil. The parameter which is the SQL text after the name of the table in the
// SELECT, such as a WHERE clause, and args are its arguments. If args are given, read also sets r.last
// to the rowid of each row. err is an error of the new catalogue, or of ctx.
func (r *rescuer) read(ctx context.Context, which string, args ...any) (damage, err error) {
	columns := strings.Join(r.columns, ", ")
	if len(args) > 0 {
		columns += ", rowid"
	}
	rows, damage := r.old.QueryContext(ctx, "SELECT "+columns+" FROM "+r.table+" "+which, args...)
	if damage != nil {
		return damage, ctx.Err()
	}
	defer rows.Close()
	for rows.Next() {
		values := r.values()
		into := values
		if len(args) > 0 {
			into = append(slices.Clone(values), &r.last)
		}
		if damage := rows.Scan(into...); damage != nil {
			return damage, ctx.Err()
		}
		if err := r.keep(ctx, values); err != nil {
			return nil, err
		}
	}
	return rows.Err(), ctx.Err()
}

// keep inserts a row into the new catalogue and counts it. It counts a row with implausible values
// as invalid, and ignores a row that was read before from the other end.
func (r *rescuer) keep(ctx context.Context, values []any) error {
	row := map[string]any{}
	for i, name := range r.columns {
		row[name] = *values[i].(*any)
	}
	if key := fmt.Sprint(row["id"], row["event_id"], row["recording_id"], row["path"], row["node"], row["bucket"]); r.report.Error != "" && r.table != "spool_recordings" {
		if r.seen[key] {
			return nil
		}
	} else if r.table != "spool_recordings" {
		r.seen[key] = true
	}
	if !r.plausible(row) {
		r.report.Invalid++
		return nil
	}
	for i := range values {
		values[i] = *values[i].(*any)
	}
	res, err := r.tx.ExecContext(ctx, r.insert, values...)
	if err != nil {
		return err
	}
	if n, _ := res.RowsAffected(); n == 1 {
		r.report.Rows++
	}
	return nil
}

// plausible reports whether spool can have written a row; row holds the values by column. A damaged
// page can contain any value; a revision in the future, for instance, would prevent every later
// change of the row.
func (r *rescuer) plausible(row map[string]any) bool {
	for name, v := range row {
		n, integer := v.(int64)
		if v == nil && (name == "gaps" || name == "anchors") {
			continue
		}
		if v == nil || r.integers[name] && !integer {
			return false
		}
		switch name {
		case "id", "event_id", "recording_id":
			s, ok := v.(string)
			if !ok {
				return false
			}
			if _, err := media.ParseID(s); err != nil {
				return false
			}
		case "revision", "protected_rev":
			if n < 0 || n > r.newestNS {
				return false
			}
		case "tracks", "events", "gaps", "anchors":
			if !json.Valid(asBytes(v)) {
				return false
			}
		}
	}
	return true
}

// asBytes returns the bytes of a text or blob, and nil for a value of another type.
func asBytes(v any) []byte {
	switch v := v.(type) {
	case string:
		return []byte(v)
	case []byte:
		return v
	}
	return nil
}

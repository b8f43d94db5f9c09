package metadata

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// A change that the database refuses for its content is set aside, so that it does not block the
// changes after it. A JSON file in the directory aside of the journal stores it with the database's
// error. The catalogue tries it again at every start, during spool reindex, after each failure of the
// database, and every ten minutes. Queries list the recording meanwhile.
const (
	asideDir   = "aside"
	asideEvery = 10 * time.Minute
)

// asideRow is a change that the database has refused and that is set aside.
type asideRow struct {
	op    journal.Change
	name  string    // name of the file that stores the change
	err   string    // the database's error
	since time.Time // when the database first refused it
}

// asideFile is the content of the JSON file that stores an asideRow.
type asideFile struct {
	Recording string    `json:"recording"`
	File      string    `json:"file"`
	Error     string    `json:"error"`
	Since     time.Time `json:"since"`
	Change    string    `json:"change"`
	Revision  int64     `json:"revision"`
	Row       *row.Row  `json:"row"`
}

// changeNames holds the values of asideFile.Change.
var changeNames = map[journal.Kind]string{journal.Put: "put", journal.Protect: "protect", journal.Delete: "delete", journal.Event: "event"}

// asideKey returns the key under which a change is set aside: the recording's ID for all changes of
// a recording, and a key of its own for each change of kind Event.
func asideKey(o journal.Change) string {
	if o.Kind == journal.Event {
		return fmt.Sprintf("event-%016x", o.Revision)
	}
	return o.Row.ID
}

// asideRows holds the changes that the database has refused and that are set aside. Only the
// goroutine of Catalogue.apply changes them.
type asideRows struct {
	disk journal.Medium // the directory aside

	mu   sync.Mutex          // guards rows
	rows map[string]asideRow // by asideKey
}

// openAside reads the changes that earlier processes set aside. It leaves a file that it cannot read
// in place, and returns a line about each such file.
func openAside(on journal.Medium) (*asideRows, []string, error) {
	a := &asideRows{disk: on, rows: map[string]asideRow{}}
	names, err := on.List()
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil, nil
	}
	var notes []string
	if errors.Is(err, filesystem.ErrNotBelow) {
		return a, []string{err.Error()}, nil
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".json") {
			continue
		}
		b, err := on.Read(name)
		var r asideRow
		if err == nil {
			r, err = parseAside(b)
		}
		if err != nil {
			notes = append(notes, fmt.Sprintf("%s: %v", filepath.Join(asideDir, name), err))
			continue
		}
		r.name = name
		// A process that ended before it removed the older file left two files of one recording.
		if old, ok := a.rows[asideKey(r.op)]; !ok || old.newest() < r.newest() {
			a.rows[asideKey(r.op)] = r
		}
	}
	return a, notes, err
}

// parseAside decodes and checks b, the content of a file in the directory aside: an asideFile in JSON,
// which an administrator may have edited. The caller sets the name of the result.
func parseAside(b []byte) (r asideRow, err error) {
	var f asideFile
	if err := json.Unmarshal(b, &f); err != nil {
		return r, err
	}
	for kind, name := range changeNames {
		if name == f.Change {
			r.op.Kind = kind
		}
	}
	if r.op.Kind == 0 || f.Revision <= 0 || f.Row == nil {
		return r, errors.New("it holds no change of a recording")
	}
	if _, err := media.ParseID(f.Row.ID); err != nil {
		return r, err
	}
	if f.Row.Tracks == nil {
		f.Row.Tracks = []byte("[]")
	}
	if f.Row.Events == nil {
		f.Row.Events = []byte("[]")
	}
	// With the indentation of the file, a text could exceed the bound of its column.
	for _, text := range []*json.RawMessage{&f.Row.Tracks, &f.Row.Events, &f.Row.Gaps, &f.Row.Anchors} {
		if len(*text) == 0 {
			continue
		}
		var b bytes.Buffer
		if err := json.Compact(&b, *text); err != nil {
			return r, err
		}
		*text = b.Bytes()
	}
	r.op.Revision, r.op.Row, r.err, r.since = f.Revision, f.Row, f.Error, f.Since
	r.op.Row.Revision = f.Revision
	r.op.Seal()
	return r, nil
}

// newest returns the revision of the newest change that r includes.
func (r *asideRow) newest() int64 { return max(r.op.Revision, r.op.Row.ProtectedRev) }

// ops returns the changes that are set aside, in order of revision.
func (a *asideRows) ops() (out []journal.Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.rows {
		out = append(out, r.op)
	}
	slices.SortFunc(out, func(x, y journal.Change) int { return cmp.Compare(x.Revision, y.Revision) })
	return out
}

// events returns the rows of the Event changes that are set aside.
func (a *asideRows) events() (rows []*row.Row) {
	for _, o := range a.ops() {
		if o.Kind == journal.Event {
			rows = append(rows, o.Row)
		}
	}
	return rows
}

// find returns the asideRow under the key of the change o (asideKey), and false if there is none.
func (a *asideRows) find(o journal.Change) (asideRow, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, ok := a.rows[asideKey(o)]
	return r, ok
}

// size returns the number of changes that are set aside, the time at which the oldest of them was
// set aside (since), and the error of the one that was set aside last (last).
func (a *asideRows) size() (n int, since time.Time, last string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var newest time.Time
	for _, r := range a.rows {
		if since.IsZero() || r.since.Before(since) {
			since = r.since
		}
		if !r.since.Before(newest) {
			newest, last = r.since, r.err
		}
	}
	return len(a.rows), since, last
}

// join returns a Put with the protection that was requested while the recording's row was set
// aside: until then the database had no row in which to store the protection. It returns any other
// change as it is.
func (a *asideRows) join(o journal.Change) journal.Change {
	r, ok := a.find(o)
	if ok && o.Kind == journal.Put {
		o.Row = entry{row: r.op.Row, rev: r.op.Revision}.with(o).row
	}
	return o
}

// took records that the database has committed the change o. It removes the change that is set aside
// under the key of o (asideKey), and its file, if o is a deletion or of the same kind. If o is a Protect
// and a Put is set aside, took stores the protection in that Put. It returns true if it removed the
// change. The error is that of the file.
func (a *asideRows) took(o journal.Change) (bool, error) {
	r, ok := a.find(o)
	switch {
	case !ok:
		return false, nil
	case o.Kind == journal.Delete || o.Kind == r.op.Kind:
		return true, a.remove(r)
	case o.Kind == journal.Protect && r.op.Kind == journal.Put:
		r.op.Row = entry{row: r.op.Row, rev: r.op.Revision}.with(o).row
		return false, a.store(r)
	}
	return false, nil
}

// refused records that the database has refused the change o, for the reason why, and stores the
// change in a file. It returns true if nothing was set aside under the change's key before.
func (a *asideRows) refused(o journal.Change, why string, now time.Time) (bool, error) {
	r, known := a.find(o)
	before := r
	if !known {
		r = asideRow{op: o, since: now}
	} else if r.op.Kind != journal.Delete {
		merged := journal.Change{Revision: max(r.op.Revision, o.Revision), Kind: o.Kind, Row: entry{row: r.op.Row, rev: r.op.Revision}.with(o).row}
		if o.Kind == journal.Protect && r.op.Kind == journal.Put {
			merged.Kind, merged.Revision = journal.Put, r.op.Revision
		}
		r.op = merged
	}
	if known && r.err == why && r.op.Kind == before.op.Kind && r.newest() == before.newest() {
		return false, nil // the same refusal again
	}
	r.err = why
	return !known, a.store(r)
}

// store writes the file of an asideRow, and then removes its former file. The new file is durable when
// store returns, so that the change may leave the journal.
func (a *asideRows) store(r asideRow) error {
	b, err := json.MarshalIndent(asideFile{
		Recording: r.op.Row.ID, File: r.op.Row.Path, Error: r.err, Since: r.since.UTC(),
		Change: changeNames[r.op.Kind], Revision: r.op.Revision, Row: r.op.Row,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	old := r.name
	r.name = fmt.Sprintf("%s.%016x.json", asideKey(r.op), r.newest())
	if old == r.name { // the same change with another error
		r.name = strings.TrimSuffix(r.name, ".json") + ".again.json"
	}
	if err := a.create(r.name, append(b, '\n')); err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	a.mu.Lock()
	a.rows[asideKey(r.op)] = r
	a.mu.Unlock()
	if old != "" {
		_ = a.disk.Remove(old) // after a failure openAside ignores the older file
	}
	return nil
}

// create writes a file and makes it durable.
func (a *asideRows) create(name string, b []byte) error {
	// A crash may have left an incomplete file.
	if err := a.disk.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := a.disk.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, a.disk.Remove(name))
	}
	return a.disk.SyncDir()
}

// remove deletes an asideRow and its file.
func (a *asideRows) remove(r asideRow) error {
	if err := a.disk.Remove(r.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("set aside: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.rows, asideKey(r.op))
	return nil
}

// setAside sets aside the change o, which the database has refused with the error why. If MaxAside
// is reached or the file cannot be written, it returns an error, and apply tries the change again.
func (c *Catalogue) setAside(o journal.Change, why error) error {
	n, _, _ := c.aside.size()
	if _, known := c.aside.find(o); !known && n >= c.opts.MaxAside {
		return fmt.Errorf("%w (%d rows are set aside)", why, n)
	}
	if err := durable.MkdirAll(durable.Below(filepath.Dir(c.opts.JournalDir)), filepath.Join(c.opts.JournalDir, asideDir), 0o700); err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	text := c.redact(why)
	isNew, err := c.aside.refused(o, text, c.opts.Clock.Now())
	if err != nil {
		return err
	}
	c.pending.setAside(o)
	if isNew && !errors.Is(why, errNoRow) { // with errNoRow the refusal of the recording's row was logged already
		c.refused.Add(1)
		c.log.Error("catalogue: the database refuses a row; it is set aside and tried again later", "recording", o.Row.ID,
			"file", o.Row.Path, "aside", filepath.Join(c.opts.JournalDir, asideDir), "error", text)
	}
	return nil
}

// tookAll records that the database has committed the changes ops. A change that was set aside is set
// aside no longer. But tookAll sets an Event change aside if the row of its recording is still set
// aside: see waitsForRow.
func (c *Catalogue) tookAll(ops []journal.Change) {
	for _, o := range ops {
		if c.waitsForRow(o) { // the database has the events; pairs with the recording need its row
			if err := c.setAside(o, errNoRow); err == nil {
				continue
			}
		}
		over, err := c.aside.took(o)
		if err != nil {
			c.log.Warn("catalogue: a row that was set aside is in the database, and its file could not be changed", "error", err)
		}
		if over {
			c.pending.release(o)
			c.log.Info("catalogue: the database took a row that was set aside", "recording", o.Row.ID, "file", o.Row.Path)
		}
	}
}

// errNoRow is the reason for which an Event change is set aside as long as the row of its recording
// is set aside.
var errNoRow = errors.New("the row of the recording that holds media of these events is set aside")

// waitsForRow reports whether a change is an Event change for a recording whose row is set aside. The
// links between these events and the recording can be stored only after that row.
func (c *Catalogue) waitsForRow(o journal.Change) bool {
	if o.Kind != journal.Event || o.Row.ID == row.NoRecording {
		return false
	}
	r, ok := c.aside.find(journal.Change{Kind: journal.Put, Row: o.Row})
	return ok && r.op.Kind == journal.Put
}

// retryAside calls applyBatch for the changes that are set aside, if asideEvery has passed since it last
// did so, or if the database has failed since. It returns the error of applyBatch.
func (c *Catalogue) retryAside(ctx context.Context) error {
	now := c.opts.Clock.Now()
	if !now.After(c.asideAt) && now.After(c.asideAt.Add(-2*asideEvery)) { // after a large step back of the clock it retries at once
		return nil
	}
	for ops := c.aside.ops(); len(ops) > 0; {
		n := min(len(ops), c.opts.BatchSize)
		if err := c.applyBatch(ctx, c.store.Load(), ops[:n]); err != nil {
			return err
		}
		ops = ops[n:]
	}
	c.asideAt = now.Add(asideEvery)
	return nil
}

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

// A row that the database refuses for its content is set aside, so that it does not block the
// others. A JSON file in the journal's directory aside holds it, with the database's error. It is
// tried again at every start, by spool reindex, when the database is back, and every ten minutes.
// The recording stays listed.
const (
	asideDir   = "aside"
	asideEvery = 10 * time.Minute
)

// asideRow is a change that was set aside.
type asideRow struct {
	op    journal.Change
	name  string // of its file
	err   string
	since time.Time
}

// asideFile is the JSON form of an asideRow.
type asideFile struct {
	Recording string    `json:"recording"`
	File      string    `json:"file"`
	Error     string    `json:"error"`
	Since     time.Time `json:"since"`
	Change    string    `json:"change"`
	Revision  int64     `json:"revision"`
	Row       *row.Row  `json:"row"`
}

var changeNames = map[journal.Kind]string{journal.Put: "put", journal.Protect: "protect", journal.Delete: "delete", journal.Event: "event"}

// asideKey returns the key under which a change is set aside: the recording's ID for all changes of
// a recording, and a key of its own for each change of kind Event.
func asideKey(o journal.Change) string {
	if o.Kind == journal.Event {
		return fmt.Sprintf("event-%016x", o.Revision)
	}
	return o.Row.ID
}

// asideRows holds the rows that were set aside, by asideKey. Only apply changes them.
type asideRows struct {
	disk journal.Medium

	mu   sync.Mutex // guards rows
	rows map[string]asideRow
}

// openAside reads the rows that earlier processes set aside. It leaves a file that it cannot read
// in place, and returns a note about it.
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
		// Two files of one recording: a process ended before it removed the older one.
		if old, ok := a.rows[asideKey(r.op)]; !ok || old.newest() < r.newest() {
			a.rows[asideKey(r.op)] = r
		}
	}
	return a, notes, err
}

// parseAside reads a file, which an administrator may have edited.
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
	// The file's indentation could exceed the columns' bounds.
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

func (r *asideRow) newest() int64 { return max(r.op.Revision, r.op.Row.ProtectedRev) }

// ops returns the changes that are aside, in order of revision.
func (a *asideRows) ops() (out []journal.Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.rows {
		out = append(out, r.op)
	}
	slices.SortFunc(out, func(x, y journal.Change) int { return cmp.Compare(x.Revision, y.Revision) })
	return out
}

// events returns the rows of the Event changes that are aside.
func (a *asideRows) events() (rows []*row.Row) {
	for _, o := range a.ops() {
		if o.Kind == journal.Event {
			rows = append(rows, o.Row)
		}
	}
	return rows
}

// find returns the row that is aside under the key of a change.
func (a *asideRows) find(o journal.Change) (asideRow, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, ok := a.rows[asideKey(o)]
	return r, ok
}

// size returns the number of rows that are aside, the time of the oldest and the error of the
// newest.
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

// join adds the protection that was requested while the recording was aside to a Put: the
// database has no row that could carry it yet.
func (a *asideRows) join(o journal.Change) journal.Change {
	r, ok := a.find(o)
	if ok && o.Kind == journal.Put {
		o.Row = entry{row: r.op.Row, rev: r.op.Revision}.with(o).row
	}
	return o
}

// took notes that the database has taken a change. It returns true when that ends the change's
// entry.
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

// refused notes that the database has refused a change. It returns true for the first refusal of
// the recording.
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

// store makes a row's new file durable before any other record of the row is dropped; then it
// removes the row's old file.
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
		_ = a.disk.Remove(old) // openAside ignores the older of two files
	}
	return nil
}

func (a *asideRows) create(name string, b []byte) error {
	if err := a.disk.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // an incomplete file of a crash
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

func (a *asideRows) remove(r asideRow) error {
	if err := a.disk.Remove(r.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("set aside: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.rows, asideKey(r.op))
	return nil
}

// setAside sets aside a change that the database refuses.
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
	if isNew && !errors.Is(why, errNoRow) { // for errNoRow the recording's own refusal was logged
		c.refused.Add(1)
		c.log.Error("catalogue: the database refuses a row; it is set aside and tried again later", "recording", o.Row.ID,
			"file", o.Row.Path, "aside", filepath.Join(c.opts.JournalDir, asideDir), "error", text)
	}
	return nil
}

// tookAll notes that the database has taken changes.
func (c *Catalogue) tookAll(ops []journal.Change) {
	for _, o := range ops {
		if c.waitsForRow(o) { // the event is stored; its pair needs the recording's row
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

// errNoRow is the reason of an Event that is aside with the row of its recording.
var errNoRow = errors.New("the row of the recording that holds media of these events is set aside")

// waitsForRow reports whether a change has events of a recording whose row is aside: their pairs
// can be stored only once that row is.
func (c *Catalogue) waitsForRow(o journal.Change) bool {
	if o.Kind != journal.Event || o.Row.ID == row.NoRecording {
		return false
	}
	r, ok := c.aside.find(journal.Change{Kind: journal.Put, Row: o.Row})
	return ok && r.op.Kind == journal.Put
}

// retryAside tries the rows again that were set aside, every asideEvery.
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

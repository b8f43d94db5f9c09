package footage

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// fixture is a record directory, a catalogue, and a power supply. Each change is a step; from step
// cutAt on no change takes effect.
type fixture struct {
	mu      sync.Mutex
	files   map[string]*file
	rows    map[media.ID]media.Record
	steps   []string
	cutAt   int
	facts   map[media.ID]bool // recordings with facts beside the file
	hangs   map[media.ID]bool
	forgets func([]media.DeletedFile) // called by the catalogue's Forget first, if not nil
	away    bool                      // the database is down: other locations are unknown
	asked   int                       // number of queries for rows
	now     time.Time
	after   chan time.Time // the channel that the clock's After returns

	*Store
	deleted  []string
	mistaken int
}

type file struct {
	id        media.ID
	protected bool
	events    []media.Event
}

var (
	errCut   = errors.New("the power is off")
	errOther = errors.New("another recording's")
	errNoRow = errors.New("no such row")
	one      = media.ID{1}
)

const path = "cam/1.mp4"

// newFixture returns a fixture with one finished recording.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	w := &fixture{files: map[string]*file{}, facts: map[media.ID]bool{}, rows: map[media.ID]media.Record{}, hangs: map[media.ID]bool{}, cutAt: 1 << 30,
		after: make(chan time.Time), now: time.Unix(1e9, 0)}
	w.add(one, path)
	w.Store = New(Options{Catalogue: catalogue{w}, Files: disk{w}, Clock: clock{w}, RowWait: time.Millisecond,
		Deleted: func(path string) { w.deleted = append(w.deleted, path) }, Mistaken: func() { w.mistaken++ }})
	return w
}

func (w *fixture) add(id media.ID, path string) {
	w.files[path] = &file{id: id}
	w.facts[id] = true
	w.rows[id] = media.Record{Recording: media.Recording{ID: id, Path: path, Stream: "cam", State: media.StateFinished}}
}

// step makes a change unless the power is off.
func (w *fixture) step(what string, do func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.steps) >= w.cutAt {
		return errCut
	}
	w.steps = append(w.steps, what)
	do()
	return nil
}

// restart restores the power and reconciles the rows with the disk.
func (w *fixture) restart() {
	w.cutAt, w.steps = 1<<30, nil
	ids := slices.Collect(maps.Keys(w.rows))
	for _, f := range w.files {
		ids = append(ids, f.id)
	}
	for _, id := range ids {
		_ = w.compare(context.Background(), id)
	}
	for id := range w.facts { // orphans
		if _, row := w.rows[id]; !row {
			delete(w.facts, id)
		}
	}
	w.steps = nil
}

// compare corrects one recording's row from the disk: a small version of the catalogue's
// reconciliation.
func (w *fixture) compare(_ context.Context, id media.ID) error {
	r, known := w.rows[id]
	where := ""
	for path, f := range w.files {
		if f.id == id {
			where = path
		}
	}
	switch {
	case known && where == "" && r.State != media.StateLost:
		r.State = media.StateLost
	case where != "" && (!known || r.State == media.StateLost || r.State == media.StateRecording):
		f := w.files[where]
		events := f.events
		for _, ev := range r.Events { // those that the file has no room for
			events = media.JoinEvent(events, ev)
		}
		r.Recording = media.Recording{ID: id, Path: where, State: media.StateFinished, Protected: f.protected, Events: events}
	default:
		return nil
	}
	return w.step("row put", func() { w.rows[id] = r })
}

type clock struct{ *fixture }

func (c clock) Now() time.Time { return c.now }

func (c clock) After(time.Duration) (<-chan time.Time, func()) { return c.after, func() {} }

type catalogue struct{ *fixture }

func (c catalogue) Record(ctx context.Context, id media.ID) (media.Record, error) {
	c.mu.Lock()
	c.asked++
	hangs := c.hangs[id]
	r, ok := c.rows[id]
	c.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return media.Record{}, context.Cause(ctx)
	}
	if !ok {
		return media.Record{}, errNoRow
	}
	r.Located = !c.away
	return r, nil
}

func (c catalogue) Put(_ context.Context, rec media.Recording) error {
	return c.step("row put", func() {
		r := c.rows[rec.ID]
		rec.Protected = r.Protected
		r.Recording = rec
		c.rows[rec.ID] = r
	})
}

func (c catalogue) PutEvents(context.Context, media.Recording, ...media.Event) error {
	return c.step("row pairs event", func() {})
}

func (c catalogue) SetProtected(_ context.Context, id media.ID, protected bool) (r media.Record, err error) {
	return r, c.step("row protect", func() {
		r = c.rows[id]
		r.Protected = protected
		c.rows[id] = r
	})
}

func (c catalogue) Delete(_ context.Context, id media.ID) error {
	return c.step("row delete", func() { delete(c.rows, id) })
}

func (c catalogue) Forget(_ context.Context, gone []media.DeletedFile) error {
	if c.forgets != nil {
		c.forgets(gone)
	}
	return c.step("rows forget", func() {
		for _, f := range gone {
			delete(c.rows, f.ID)
		}
	})
}

type disk struct{ *fixture }

func (d disk) of(path string, id media.ID) (*file, error) {
	switch f := d.files[path]; {
	case f == nil:
		return nil, fs.ErrNotExist
	case f.id != id:
		return nil, errOther
	default:
		return f, nil
	}
}

func (d disk) Belongs(path string, id media.ID) error {
	_, err := d.Protected(path, id)
	return err
}

func (d disk) Forget(id media.ID) error {
	return d.step("facts forget", func() { delete(d.facts, id) })
}

func (d disk) Protected(path string, id media.ID) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.of(path, id)
	return err == nil && f.protected, err
}

func (d disk) SetProtected(path string, id media.ID, protected bool) error {
	d.mu.Lock()
	f, err := d.of(path, id)
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.step("file protect", func() { f.protected = protected })
}

func (d disk) AddEvents(path string, id media.ID, events []media.Event) error {
	d.mu.Lock()
	f, err := d.of(path, id)
	d.mu.Unlock()
	if err != nil {
		return err
	}
	return d.step("file event", func() { f.events = events })
}

func (d disk) Remove(path string) error {
	return d.step("file remove", func() { delete(d.files, path) })
}

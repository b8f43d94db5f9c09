package footage

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// index is a catalogue of one stream's recordings that a test changes during a search.
type index struct {
	mu       sync.Mutex
	records  []media.Record
	begun    map[media.ID]bool
	changed  chan struct{}
	ends     func()        // called while rows are read, after AllBegun
	asked    chan struct{} // receives a value for each query
	looked   chan struct{} // receives a value for each call of Unmarked
	pages    int           // if not zero, the number of pages, of one record each
	degraded bool
	fails    error
}

func (x *index) Records(_ context.Context, q media.Query) (media.Page, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	page := media.Page{Records: append([]media.Record{}, x.records...), Degraded: x.degraded}
	if x.pages > 0 {
		at := len(q.Cursor) // the length of a cursor is the page's number
		page.Records = page.Records[at : at+1]
		if at+1 < x.pages {
			page.Next = q.Cursor + "."
		}
	}
	if x.ends != nil {
		x.ends()
	}
	x.asked <- struct{}{}
	return page, x.fails
}

func (x *index) Changed() <-chan struct{} { x.mu.Lock(); defer x.mu.Unlock(); return x.changed }

func (x *index) Begun(id media.ID) bool { x.mu.Lock(); defer x.mu.Unlock(); return x.begun[id] }

func (x *index) AllBegun() map[media.ID]bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := map[media.ID]bool{}
	for id := range x.begun {
		all[id] = true
	}
	return all
}

func (x *index) Unmarked(id media.ID, ev *media.Event) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.looked <- struct{}{}
	for i := range x.records {
		if r := &x.records[i]; r.ID == id {
			return r.State == media.StateRecording && !Names(r, ev.ID)
		}
	}
	return false
}

// change makes a change and signals it.
func (x *index) change(do func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	do()
	close(x.changed)
	x.changed = make(chan struct{})
}

var event = media.Event{ID: media.ID{9}, AtUTC: 15, StartUTC: 10, EndUTC: 20}

// grows returns a growing recording of this run that overlaps the event.
func grows(pipeline string) media.Record {
	return media.Record{Recording: media.Recording{ID: one, Path: path, Pipeline: pipeline, State: media.StateRecording, StartUTC: 5, EndUTC: 18}}
}

func newIndex(t *testing.T, records ...media.Record) (*fixture, *index) {
	w := newFixture(t)
	x := &index{records: records, begun: map[media.ID]bool{}, changed: make(chan struct{}), asked: make(chan struct{}, 100), looked: make(chan struct{}, 100)}
	for _, r := range records {
		x.begun[r.ID] = r.State == media.StateRecording
	}
	w.Index = x
	return w, x
}

// TestASearchWaitsForTheMark checks that Find waits for the mark or the end of a growing
// recording, and queries the database again after a change of that recording only.
func TestASearchWaitsForTheMark(t *testing.T) {
	for name, settle := range map[string]func(*index){
		"marked":   func(x *index) { x.records[0].Events = []media.Event{event} },
		"finished": func(x *index) { x.records[0].State, x.records[0].EndUTC = media.StateFinished, 21; clear(x.begun) },
	} {
		t.Run(name, func(t *testing.T) {
			w, x := newIndex(t, grows("a"))
			var found Found
			var err error
			var search sync.WaitGroup
			search.Go(func() {
				found, err = w.Find(t.Context(), Search{Stream: "cam", Event: event, Took: []string{"a"}})
			})
			<-x.asked
			x.change(func() {}) // another recording changes
			select {
			case <-x.looked:
			case <-x.asked:
				require.FailNow(t, "the database is asked about other news")
			}
			x.change(func() { settle(x) })
			search.Wait()
			require.NoError(t, err)
			require.Len(t, found.Records, 1)
			require.Len(t, x.asked, 1)
		})
	}
}

// TestASearchThatIsNotSettledInTime checks that Find returns the records found so far after
// SearchWait, and when its caller cancels it.
func TestASearchThatIsNotSettledInTime(t *testing.T) {
	w, x := newIndex(t, grows("a"))
	var search sync.WaitGroup
	search.Go(func() {
		found, err := w.Find(t.Context(), Search{Event: event, Took: []string{"a"}})
		require.ErrorIs(t, err, ErrUnsettled)
		require.Len(t, found.Records, 1)
	})
	<-x.asked
	w.after <- time.Time{}
	search.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	search.Go(func() {
		_, err := w.Find(ctx, Search{Event: event, Took: []string{"a"}})
		require.ErrorIs(t, err, context.Canceled)
	})
	<-x.asked
	cancel()
	search.Wait()
}

// TestFindDoesNotWaitForUnrelatedRecordings checks the recordings that never delay a search.
func TestFindDoesNotWaitForUnrelatedRecordings(t *testing.T) {
	finished, marked, earlier, elsewhere := grows("a"), grows("a"), grows("a"), grows("b")
	finished.State, finished.EndUTC = media.StateFinished, 20
	marked.Events = []media.Event{event}
	full := grows("a")
	for n := range media.MaxEvents {
		full.Events = append(full.Events, media.Event{ID: media.ID{1, byte(n), byte(n >> 8)}})
	}
	elsewhere.Elsewhere, elsewhere.Node = true, "other"
	for name, c := range map[string]struct {
		record media.Record
		begun  bool
		took   []string
	}{
		"finished":               {finished, false, []string{"a"}},
		"marked":                 {marked, true, []string{"a"}},
		"marked, none took it":   {marked, true, nil},
		"finished, none took it": {finished, false, nil},
		"names all it may":       {full, true, []string{"a"}},
		"of an earlier run":      {earlier, false, nil},
		"of another pipeline":    {grows("b"), true, []string{"a"}},
		"another recorder's":     {elsewhere, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w, x := newIndex(t, c.record)
			x.begun = map[media.ID]bool{}
			if c.begun {
				x.begun[one] = true
			}
			w.after = make(chan time.Time, 1)
			w.after <- time.Time{}                                 // SearchWait ends at once
			if len(c.took) > 0 && c.record.Pipeline != c.took[0] { // the pipeline that took the event has its file already
				own := finished
				own.ID = media.ID{2}
				x.records = append(x.records, own)
			}
			found, err := w.Find(t.Context(), Search{Event: event, Took: c.took})
			require.NoError(t, err)
			if c.record.Elsewhere {
				require.Equal(t, Found{Node: "other"}, found)
				return
			}
			require.Equal(t, x.records, found.Records)
		})
	}
}

// TestAFileThatEndsWhileItsRowIsRead checks that Find still treats the recording as one of this
// run: its row is older than its end.
func TestAFileThatEndsWhileItsRowIsRead(t *testing.T) {
	w, x := newIndex(t, grows("a"))
	x.ends = func() {
		x.ends = nil
		clear(x.begun)
		x.records[0].State, x.records[0].EndUTC = media.StateFinished, 30
		close(x.changed)
		x.changed = make(chan struct{})
	}
	found, err := w.Find(t.Context(), Search{Event: event})
	require.NoError(t, err)
	require.Equal(t, media.StateFinished, found.Records[0].State)
	require.Len(t, x.asked, 2)
}

// TestASearchOfManyRows checks that Find reads all pages, and that it reports a missing database
// and returns the known records.
func TestASearchOfManyRows(t *testing.T) {
	var all []media.Record
	for n := range byte(3) {
		r := grows("a")
		r.ID, r.State, r.StartUTC, r.EndUTC = media.ID{n}, media.StateFinished, int64(n)*10, int64(n)*10+10
		all = append(all, r)
	}
	w, x := newIndex(t, all...)
	x.pages = 3
	found, err := w.Find(t.Context(), Search{Event: event})
	require.NoError(t, err)
	require.Equal(t, all, found.Records)
	require.Equal(t, []int{1, 0, 2}, found.NearestFirst(event.AtUTC))
	require.Equal(t, []int{2, 1, 0}, found.NearestFirst(40))

	x.pages, x.degraded = 0, true
	found, err = w.Find(t.Context(), Search{Event: event})
	require.ErrorIs(t, err, ErrDegraded)
	require.Len(t, found.Records, 3)
	x.fails = errors.New("refused")
	_, err = w.Find(t.Context(), Search{Event: event})
	require.ErrorIs(t, err, x.fails)
}

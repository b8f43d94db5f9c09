package metadata

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// OpenOptions configure a catalogue.
type OpenOptions struct {
	Driver     string        // sqlite, postgres or mysql
	DSN        string        // in the driver's form; for sqlite the file's path. Never logged
	JournalDir string        // local; one process at a time
	Node       string        // name of this recorder, stored with its rows
	Directory  func() string // identity of its record directory, empty while it has none: see nodeOf
	Former     []string      // names that this recorder may have had: see adopt
	TakeOver   []string      // names of retired recorders whose rows Reconcile gives to this one; Node itself: see asGuest
	Place      *Place        // where this process records, by which it claims Node; nil: it claims nothing
	Guest      bool          // this process runs beside the recorder of the directory: see asGuest
	Log        *slog.Logger
	Clock      pipeline.Clock
	Tasks      *pipeline.Tasks

	// Ended is called by Reconcile for a finished file whose row has the state recording: its
	// recorder ended before it stored the end. Reconcile then updates the row. May be nil.
	Ended func(context.Context, media.Recording)

	// Bounds; each has a default.
	MaxJournalBytes int64         // changes that may wait for the database: 64 MiB
	QueryTimeout    time.Duration // of a query: 5 s
	ApplyTimeout    time.Duration // of connecting, and of a batch: 15 s
	BatchSize       int           // changes in one transaction: 256
	MaxAside        int           // rows that are set aside: 1000; beyond that the database is at fault, and all rows wait
}

func (o *OpenOptions) defaults() {
	set := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	set(&o.QueryTimeout, 5*time.Second)
	set(&o.ApplyTimeout, 15*time.Second)
	if o.MaxJournalBytes <= 0 {
		o.MaxJournalBytes = 64 << 20
	}
	if o.BatchSize <= 0 {
		o.BatchSize = 256
	}
	if o.MaxAside <= 0 {
		o.MaxAside = 1000
	}
	if o.Directory == nil {
		o.Directory = func() string { return "" }
	}
	if o.Clock == nil {
		o.Clock = pipeline.SystemClock
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Catalogue stores the recordings of this process in a database. Its methods may be called from
// any goroutine.
type Catalogue struct {
	opts       OpenOptions
	target     *database.Target
	log        *slog.Logger
	journal    *journal.Journal
	pending    *pending
	store      atomic.Pointer[store] // nil until the first connection
	up         atomic.Bool           // the database answers
	stalled    atomic.Bool           // the database answers and takes no rows: it is read-only, or full
	failing    database.Failing      // why and since when it is down or stalled
	closing    atomic.Bool           // Close has begun: no more queries
	aside      *asideRows            // rows that the database refuses
	asideAt    time.Time             // when they are tried again; used by apply only
	batch      int                   // changes in the next transaction: fewer after a failure; used by apply only
	takenTo    int64                 // revision up to which the database has taken the journal; used by apply only
	replayedTo int64                 // the same at the start; used by apply only
	lacking    atomic.Bool           // the database was away, and has not taken every change since

	unsure     bool          // the position in the database has to be read again; used by apply only
	behind     chan struct{} // holds one: the database has lost rows
	wake       chan struct{} // holds one: a change waits for apply
	retry      chan struct{} // holds one: the cause of a failure may be over
	stop       func()
	removing   sync.Mutex               // orders a row's deletion and its loss in the journal; held for no I/O
	former     atomic.Pointer[[]string] // OpenOptions.Former, and the directory's names in the database
	copyLogged atomic.Bool              // see learnNames
	claim      claim
	begun      begun
	broken     atomic.Pointer[damaged] // the malformed file; nil: the file is intact
	opened     atomic.Pointer[fileID]  // the file that the last attempt opened, successfully or not

	refusedMinute atomic.Int64 // minute in which a refused query was last logged

	applied, refused, full, invalid, others atomic.Uint64
	damagedBytes                            int64

	journalNewer int64                             // highest revision of a newer version's changes; 0: it holds no such change
	newerNotes   []string                          // a line about each file that holds some
	newer        atomic.Pointer[NewerJournalError] // why nothing is applied; nil: the database holds all of those changes
}

// Open opens the journal and starts to apply it. It does not wait for the database: while
// that cannot be reached, changes gather in the journal. It returns an error for an unknown driver, a
// DSN that cannot be parsed, and a journal that cannot be locked or read.
func Open(ctx context.Context, o OpenOptions) (*Catalogue, error) {
	o.defaults()
	if o.Tasks == nil {
		return nil, errors.New("catalogue: OpenOptions.Tasks is not set")
	}
	if len(o.Node) > database.MaxNameBytes {
		return nil, fmt.Errorf("catalogue: node name %.80q is longer than %d bytes", o.Node, database.MaxNameBytes)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	target, err := database.Parse(o.Driver, o.DSN)
	if err != nil {
		return nil, err
	}
	target.Top = filepath.Dir(o.JournalDir)
	log, old, err := journal.Open(durable.Below(filepath.Dir(o.JournalDir)), o.JournalDir, func() int64 { return o.Clock.Now().UnixNano() })
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	c := &Catalogue{
		opts: o, target: target, log: o.Log, journal: log, pending: newPending(),
		behind: make(chan struct{}, 1), wake: make(chan struct{}, 1), retry: make(chan struct{}, 1), damagedBytes: old.DamagedBytes,
		journalNewer: old.Newer, newerNotes: old.NewerNotes,
		claim: claim{tried: make(chan struct{})},
	}
	var notes []string
	if c.aside, notes, err = openAside(journal.In(filepath.Dir(o.JournalDir), filepath.Join(o.JournalDir, asideDir))); err != nil {
		return nil, errors.Join(fmt.Errorf("catalogue: rows that were set aside: %w", err), log.Close())
	}
	for _, note := range notes {
		o.Log.Warn("a row that was set aside cannot be read; correct its file and restart spool, or remove the file and run spool reindex", "file", note)
	}
	if old.Unused != nil {
		o.Log.Error("the journal cannot be used: a crash loses the changes that the database has not taken, until a comparison with the disk adds them again", "error", old.Unused)
	}
	c.former.Store(&o.Former)
	c.lacking.Store(true)
	for _, note := range old.Notes {
		o.Log.Warn("journal damaged; run spool reindex if rows are missing", "file", note)
	}
	c.pending.restore(c.aside.ops())
	c.pending.add(old.Changes)
	replayEnd := log.Newest()
	log.DeliverTo(func(ops []journal.Change) { c.pending.add(ops); c.kick() })
	c.stop = o.Tasks.Keep("catalogue", pipeline.Backoff{}, func(ctx context.Context) error {
		return c.apply(ctx, replayEnd)
	})
	return c, nil
}

// Node returns the name of this recorder.
func (c *Catalogue) Node() string { return c.opts.Node }

// Stalled reports whether the database answers and refuses rows, those of every recorder or of
// this one.
func (c *Catalogue) Stalled() bool {
	return c.up.Load() && (c.stalled.Load() || c.claim.other.Load() != nil)
}

// Kick makes apply try again now: the cause of a failure may be over.
func (c *Catalogue) Kick() {
	select {
	case c.retry <- struct{}{}:
	default:
	}
}

func (c *Catalogue) kick() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Put stores a recording, new or changed, under its ID. It returns once the
// journal is synced and does not wait for the database.
//
// The recording's Protected counts only until the first SetProtected of its ID. With
// ErrNotDurable the change was accepted all the same; with row.ErrInvalid, ErrJournalFull and
// ErrClosed it was not, and is counted.
func (c *Catalogue) Put(ctx context.Context, rec media.Recording) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := row.Of(rec, c.nodeOf(rec))
	if err != nil {
		c.invalid.Add(1)
		return err
	}
	grows, before := rec.State == media.StateRecording, c.Begun(rec.ID)
	if grows { // before a query can return the row
		c.begun.note(rec.ID, true)
	}
	_, err = c.append(journal.Put, r, 0)
	switch taken := err == nil || errors.Is(err, journal.ErrNotDurable); {
	case taken && !grows:
		c.begun.note(rec.ID, false)
	case !taken && grows:
		c.begun.note(rec.ID, before)
	}
	return err
}

func (c *Catalogue) append(kind journal.Kind, r *row.Row, floor int64) (int64, error) {
	if err := c.room(); err != nil {
		return 0, err
	}
	return c.journal.Append(kind, r, floor)
}

// room returns ErrJournalFull when the changes that wait have reached MaxJournalBytes.
func (c *Catalogue) room() error {
	if _, bytes, _ := c.pending.size(); bytes >= c.opts.MaxJournalBytes {
		c.full.Add(1)
		return fmt.Errorf("%w: %d bytes wait for the database; run spool reindex when it is back", ErrJournalFull, bytes)
	}
	return nil
}

// Flush waits until the database holds every change that was put before. It returns a
// NewerJournalError or a *ClaimedError when that needs the operator.
func (c *Catalogue) Flush(ctx context.Context) error {
	for {
		changed := c.pending.change()
		n, _, _ := c.pending.size()
		if err := c.Claimed(); err != nil {
			return err
		}
		if err := c.newer.Load(); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		c.kick()
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("catalogue: %d changes wait for the database: %w", n, context.Cause(ctx))
		}
	}
}

// Close gives a database that answers three quarters of the time until the context's deadline to
// take the pending changes, and closes. The next process applies the rest; that is no error.
func (c *Catalogue) Close(ctx context.Context) error {
	if c.up.Load() && !c.Stalled() {
		flush, cancel := context.WithTimeout(ctx, c.flushTime(ctx))
		_ = c.Flush(flush)
		cancel()
	}
	c.closing.Store(true)
	c.stop()
	c.release(context.WithoutCancel(ctx))
	err := c.journal.Close()
	if s := c.store.Load(); s != nil {
		err = errors.Join(err, s.Close())
	}
	return err
}

func (c *Catalogue) flushTime(ctx context.Context) time.Duration {
	if d, ok := ctx.Deadline(); ok {
		return time.Until(d) * 3 / 4
	}
	return c.opts.ApplyTimeout
}

// Stats describes the state of a catalogue.
type Stats struct {
	Driver              string
	Connected           bool          // the database answers and takes rows
	LastError           string        // of the database, since it last worked; free of secrets
	Advice              string        // what the operator can do; empty for an error without specific advice
	DownSince           time.Time     // when the failures began; zero while the database works
	Tries               uint64        // failures since then
	Malformed           bool          // the file of the database is damaged: see Rescue
	Claimed             string        // why the database takes no rows of this recorder: another recorder has its name
	ClaimedSince        time.Time     // when that began; zero while this recorder has the name
	Pending             int           // changes that wait for the database
	PendingBytes        int64         // size of those changes
	PendingAge          time.Duration // of the oldest of them
	Applied             uint64        // changes that the database took
	Refused             uint64        // rows that the database refused and that were set aside; each was logged
	Aside               int           // rows that are set aside now
	AsideDir            string        // directory with a file for each of them
	AsideSince          time.Time     // when the oldest of them was set aside
	AsideError          string        // why the newest of them was set aside
	Full                uint64        // changes dropped because the journal was full: reindex
	Invalid             uint64        // recordings that could not be stored
	Unwanted            uint64        // locations that became unwanted when their recording was deleted: see location_gone.go
	Others              uint64        // changes dropped because the row is another recorder's
	JournalBytes        int64         // on disk
	JournalErrors       uint64        // writes that failed
	JournalError        string        // of the last write; empty when it succeeded
	JournalSince        time.Time     // when the writes began to fail; zero while they succeed
	JournalDamagedBytes int64         // bytes found damaged at the start
}

// Stats reads counters, without I/O.
func (c *Catalogue) Stats() Stats {
	n, bytes, oldest := c.pending.size()
	s := Stats{
		Driver: c.opts.Driver, Connected: c.up.Load() && !c.stalled.Load(), Pending: n, PendingBytes: bytes,
		Applied: c.applied.Load(), Refused: c.refused.Load(), Full: c.full.Load(), Invalid: c.invalid.Load(), Others: c.others.Load(),
		JournalBytes: c.journal.Bytes(), JournalDamagedBytes: c.damagedBytes,
	}
	if oldest > 0 {
		s.PendingAge = max(0, time.Duration(c.opts.Clock.Now().UnixNano()-oldest))
	}
	if db := c.store.Load(); db != nil {
		s.Unwanted = db.unwanted.Load()
	}
	s.LastError, s.Advice, s.DownSince, s.Tries = c.failing.Read()
	s.AsideDir = filepath.Join(c.opts.JournalDir, asideDir)
	s.Aside, s.AsideSince, s.AsideError = c.aside.size()
	s.Malformed = c.broken.Load() != nil
	if e := c.claim.other.Load(); e != nil {
		s.Claimed, s.ClaimedSince = e.Error(), time.Unix(0, c.claim.sinceNS.Load())
	}
	failures, since, err := c.journal.Health()
	if s.JournalErrors = failures; err != nil {
		s.JournalError, s.JournalSince = err.Error(), since
	}
	return s
}

// redact removes the password from an error's text, in case the driver quotes it.
func (c *Catalogue) redact(err error) string {
	s := err.Error()
	for _, secret := range c.target.Secrets {
		s = strings.ReplaceAll(s, secret, "***")
	}
	return s
}

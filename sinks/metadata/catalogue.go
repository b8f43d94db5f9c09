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
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// OpenOptions configure a catalogue.
type OpenOptions struct {
	Driver     string        // sqlite, postgres or mysql
	DSN        string        // in the driver's form; for sqlite the file's path. It is never logged
	JournalDir string        // a local directory, which one process at a time can open
	Node       string        // name of this recorder, stored with its rows
	Directory  func() string // returns the identity of the record directory; empty while it has none
	Former     []string      // names that this recorder may have had before: see reconciliation.adopt
	TakeOver   []string      // retired recorders whose rows Reconcile gives to this one; Node itself: see asGuest
	Place      *Place        // the place for which this process claims the name Node; nil: it claims nothing
	Guest      bool          // this process runs beside the recorder of the directory: see asGuest
	Log        *slog.Logger
	Clock      pipeline.Clock
	Tasks      *pipeline.Tasks

	// Ended receives the recording of a finished file whose row still has the state recording,
	// because its recorder ended before it stored the end. Reconcile calls it, and then updates the
	// row. It may be nil.
	Ended func(context.Context, media.Recording)

	// Bounds. A zero means the default.
	MaxJournalBytes int64         // size of the pending changes from which new ones are refused; default 64 MiB
	QueryTimeout    time.Duration // longest time of a query; default 5 s
	ApplyTimeout    time.Duration // longest time of connecting, and of one transaction of apply; default 15 s
	BatchSize       int           // most changes in one transaction; default 256
	MaxAside        int           // most changes set aside; default 1000. Then a refused change blocks all later ones
}

// defaults sets the fields that have a default and are zero.
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

// Catalogue stores the recordings of one recorder in a database. Its methods are safe for concurrent
// use.
type Catalogue struct {
	opts       OpenOptions
	target     *database.Target
	log        *slog.Logger
	journal    *journal.Journal
	pending    *pending
	store      atomic.Pointer[store] // nil until the first connection
	up         atomic.Bool           // the database answers
	stalled    atomic.Bool           // the database answers and refuses rows: it is read-only, or full
	failing    database.Failing      // why and since when the database is down or stalled
	closing    atomic.Bool           // Close has begun: no more queries
	aside      *asideRows            // the changes that are set aside
	asideAt    time.Time             // when the changes that are set aside are tried again; used by apply only
	batch      int                   // changes in the next transaction; used by apply only
	takenTo    int64                 // revision up to which the database has committed changes; used by apply only
	replayedTo int64                 // revision up to which the database had the journal at the start; apply only
	lacking    atomic.Bool           // since a failure or the start, the database has not yet taken every change

	formerServer bool                     // the database failed since connections were last closed; used by apply only
	unsure       bool                     // apply must read the position in the database again; used by apply only
	behind       chan struct{}            // capacity 1; a value: the database has lost rows
	wake         chan struct{}            // capacity 1; a value: a change is pending
	retry        chan struct{}            // capacity 1; a value: the cause of a failure may be over
	stop         func()                   // ends apply
	removing     sync.Mutex               // orders the deletion and the loss of a row; not locked during I/O
	former       atomic.Pointer[[]string] // former names of this recorder: see learnNames
	copyLogged   atomic.Bool              // learnNames has logged that the directory is a copy
	claim        claim
	begun        begun
	broken       atomic.Pointer[damaged]             // the malformed file; nil: the file is intact
	opened       atomic.Pointer[filesystem.Identity] // the file that the last attempt tried to open; nil: no attempt yet

	refusedMinute atomic.Int64 // minute, since 1970, in which a refused query was last logged

	applied, refused, full, invalid, others atomic.Uint64 // see the fields of Stats
	damagedBytes                            int64         // see Stats.JournalDamagedBytes

	journalNewer int64                             // highest revision that only a newer version can read; 0: none
	newerNotes   []string                          // a line about each file with changes only a newer version can read
	newer        atomic.Pointer[NewerJournalError] // why no change is applied; nil: no such change is missing
}

// Open opens the journal and starts to apply its changes to the database. It does not wait for the
// database. It returns an error for an unknown driver, a DSN that cannot be parsed, a node name that is
// too long, and a journal that cannot be locked or read. The caller calls Close.
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

// Stalled reports whether the database answers but refuses rows: it is read-only or full, or another
// recorder has this one's name.
func (c *Catalogue) Stalled() bool {
	return c.up.Load() && (c.stalled.Load() || c.claim.other.Load() != nil)
}

// Kick ends the pause after a failure, so that apply tries again now. The caller knows that the cause
// of the failure may be over.
func (c *Catalogue) Kick() {
	select {
	case c.retry <- struct{}{}:
	default:
	}
}

// kick wakes apply if apply waits although the last attempt did not fail.
func (c *Catalogue) kick() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Put stores a recording, new or changed, under its ID. It returns once the journal is synced and
// does not wait for the database. After the first SetProtected of the ID it ignores rec.Protected.
//
// The error ErrNotDurable means that the change is pending but not in the journal. After any other
// error the change was dropped: row.ErrInvalid, ErrJournalFull, journal.ErrClosed, or the error of
// ctx.
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
	if grows { // first: a query may return the row before append has returned
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

// append writes a change of the row r to the journal, with a revision above floor, and returns the
// revision. It returns ErrJournalFull and the errors of journal.Append.
func (c *Catalogue) append(kind journal.Kind, r *row.Row, floor int64) (int64, error) {
	if err := c.room(); err != nil {
		return 0, err
	}
	return c.journal.Append(kind, r, floor)
}

// room returns ErrJournalFull if the size of the pending changes has reached MaxJournalBytes: the caller
// must drop its change. room counts that change in Stats.Full.
func (c *Catalogue) room() error {
	if _, bytes, _ := c.pending.size(); bytes >= c.opts.MaxJournalBytes {
		c.full.Add(1)
		return fmt.Errorf("%w: %d bytes wait for the database; run spool reindex when it is back", ErrJournalFull, bytes)
	}
	return nil
}

// Flush waits until no change is pending: the database has committed every change, or it is set
// aside. It returns a *ClaimedError or a *NewerJournalError if an operator must act first, and an error
// when ctx ends.
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

// Close closes journal and database. If the database answers, Close first waits for it to commit
// the pending changes, for at most three quarters of the time until the deadline of ctx, or
// ApplyTimeout if ctx has no deadline. Changes that remain are no error: the next process applies
// them. Later changes return journal.ErrClosed.
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

// flushTime returns the longest time for which Close waits until the database has committed the pending
// changes.
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
	LastError           string        // the last error of the database, free of secrets; empty while the database works
	Advice              string        // the remedy for LastError; empty if no specific one is known
	DownSince           time.Time     // when the database began to fail; zero while it works
	Tries               uint64        // number of failures since DownSince
	Malformed           bool          // the file of the database is damaged: see Rescue
	Claimed             string        // text of the *ClaimedError while another recorder has this one's name
	ClaimedSince        time.Time     // since when Claimed is set; zero while it is empty
	Pending             int           // number of changes that wait for the database
	PendingBytes        int64         // size of the pending changes
	PendingAge          time.Duration // age of the oldest pending change
	Applied             uint64        // changes that the database committed
	Refused             uint64        // rows that the database refused and that were set aside; each was logged
	Aside               int           // changes that are set aside now
	AsideDir            string        // directory that has a file for each change that is set aside
	AsideSince          time.Time     // when the oldest of the changes set aside was set aside
	AsideError          string        // the database's error for the change that was set aside last
	Full                uint64        // changes dropped because the journal was full; a reindex adds their rows
	Invalid             uint64        // changes dropped because no database can store the recording
	Unwanted            uint64        // locations that became unwanted when their recording's row was deleted
	Others              uint64        // changes dropped because the row is another recorder's
	JournalBytes        int64         // size of the journal's files
	JournalErrors       uint64        // failed writes of the journal
	JournalError        string        // error of the journal's last write; empty if it succeeded
	JournalSince        time.Time     // when the journal's writes began to fail; zero while they succeed
	JournalDamagedBytes int64         // damaged bytes that were found in the journal at the start
}

// Stats returns the state of the catalogue. It performs no I/O.
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

// redact returns the text of an error without the password of the DSN, which a driver may quote.
func (c *Catalogue) redact(err error) string {
	s := err.Error()
	for _, secret := range c.target.Secrets {
		s = strings.ReplaceAll(s, secret, "***")
	}
	return s
}

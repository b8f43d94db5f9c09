package retention

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/retained"
	"github.com/gospool/spool/pipeline/wallclock"
)

// ErrKept is the error of Store.Remove for a file that must stay: it is protected, being changed or
// being read.
var ErrKept = errors.New("the file must stay")

// Store deletes files and their rows. The keeper deletes the file before the row: after a crash in
// between, the next reconciliation marks the row as lost. In the reverse order, reconciliation
// would add a row for the file again.
type Store interface {
	// Remove deletes one file and the directories that it leaves empty. It returns
	// ErrKept if the file must stay, and no error if the file is gone already.
	Remove(ctx context.Context, it *Item) error
	// Forget deletes the rows of deleted files. It does not wait for a database that is known to be
	// down.
	Forget(ctx context.Context, items []*Item) error
}

// Recordings stops recordings when there is no room, and starts them again.
type Recordings interface {
	// Recording returns the streams that are being recorded and can be stopped.
	Recording() []string
	// Stop stops all recordings of a stream.
	Stop(ctx context.Context, stream string) error
	// Start starts the recordings of a stream again that Stop has stopped.
	Start(stream string) error
}

// Deps are the dependencies of a keeper.
type Deps struct {
	Dir        string // the record directory, absolute
	Read       Reader
	Store      Store
	Recordings Recordings
	Disk       func(dir string) (filesystem.Capacity, error) // measures the disk; nil: the function Disk
	Writable   func() bool                                   // reports at once if a file can be created; nil: always
	Clock      pipeline.Clock
	Wall       *wallclock.Judge // judges whether the clock is believed; nil: New creates one
	Log        *slog.Logger     // nil: no log
}

// Keeper deletes the files of a record directory that its policy demands to delete. Its methods are
// safe for concurrent use.
type Keeper struct {
	policy        Policy
	deps          Deps
	wake          chan struct{}
	counts        counts
	shownStopped  atomic.Pointer[map[string]Stop]    // see Stopped
	shownError    atomic.Pointer[string]             // see LastError
	shownProblems atomic.Pointer[[]pipeline.Problem] // see Problems
	ledger        *ledger

	mu            sync.Mutex // guards the fields below
	index         *index
	totals        totals            // bytes of the items of index
	queue         []ranked          // items that may be deleted, in the order of deletion
	scanned       time.Time         // start of the last scan
	took          time.Duration     // duration of the last scan
	fullLookAt    time.Time         // time of the last full look; zero: the next look is a full one
	fullLookState wallclock.State   // state of the clock at the last full look
	clock         wallclock.Reading // reading of the clock for the current look
	expiry        expiry
	held          *retained.Held // expired footage that is held, as of the last scan; nil: none
	barren        bool           // the last deletion to make room, after a scan, has deleted nothing
	lacking       bool           // the last look could not make room, or deletion pauses until restUntil
	fillRate      fillRate
	futileBytes   int64                // bytes that deleted files did not give back, since a batch last made room
	restUntil     time.Time            // nothing is deleted to make room before this time
	stopped       map[string]stoppedBy // streams whose recording retention has stopped
	stoppedAt     time.Time            // when retention last stopped a recording
	judgedBytes   int64                // size of the disk for which tooLarge was computed
	tooLarge      []pipeline.Problem   // a problem for each min_free_bytes that is larger than the disk
	lastErr       string               // text of the error that was logged last; empty after a look without one
}

// counts holds the keeper's counters for the metrics. They begin at 0 when the process starts.
type counts struct {
	files, bytes atomic.Uint64 // deleted files and their lengths
	stops        atomic.Uint64 // recordings that were stopped
	failures     atomic.Uint64 // looks with an error
}

// stoppedBy records when and for which rule a recording was stopped.
type stoppedBy struct {
	Since time.Time
	rule  rule
}

// New returns a Keeper for the record directory deps.Dir, which must exist. The caller calls Close
// after Run has returned.
func New(policy Policy, deps Deps) (*Keeper, error) {
	s, err := openIndex(deps.Dir, deps.Read)
	if err != nil {
		return nil, err
	}
	if deps.Disk == nil {
		deps.Disk = Disk
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Wall == nil {
		deps.Wall = wallclock.New(deps.Clock, wallclock.KernelSynchronised, deps.Log)
	}
	k := &Keeper{
		policy: policy, deps: deps, index: s, wake: make(chan struct{}, 1),
		stopped: map[string]stoppedBy{}, ledger: newLedger(policy.Active()),
	}
	k.readWait(deps.Clock.Now())
	return k, nil
}

// Close closes the record directory. Run must have returned.
func (k *Keeper) Close() error { return k.index.root.Close() }

// lookEvery is the interval at which Run calls MakeRoom: each call is a look.
const lookEvery = time.Second

// Run calls MakeRoom every second, and whenever Wake is called, until ctx ends. It returns nil. It
// runs as a task of the pipeline framework.
func (k *Keeper) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		k.MakeRoom(ctx)
		pipeline.Sleep(ctx, k.deps.Clock, lookEvery, k.wake)
	}
	return nil
}

// Wake makes Run call MakeRoom at once, for instance after a recorder found the disk full. It does
// not block.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// MakeRoom performs one look: it measures the disk, scans the directory if a scan is due, and
// deletes the files that the policy demands to delete. LastError and the plan report the look's
// error. MakeRoom logs the error unless the last look failed with the same text.
func (k *Keeper) MakeRoom(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.look(ctx)
	k.publish()
	if err == nil {
		k.shownError.Store(nil)
		k.lastErr = ""
		return
	}
	if ctx.Err() != nil {
		return
	}
	k.counts.failures.Add(1)
	text := err.Error()
	k.shownError.Store(&text)
	if text != k.lastErr { // once, and not every second
		k.lastErr = text
		k.deps.Log.Error("retention failed", "error", err)
	}
}

// look does the work of MakeRoom and returns its error. The caller has locked mu.
func (k *Keeper) look(ctx context.Context) error {
	k.readClock()
	now := k.clock.Now
	if err := k.index.check(); err != nil {
		return err
	}
	space, err := k.deps.Disk(k.deps.Dir)
	if err != nil {
		return err
	}
	k.judgeLimits(space)
	k.fillRate.look(space, now)
	whole := now.Sub(k.fullLookAt) >= k.policy.scanEvery(k.took) || k.fullLookState != k.clock.State
	if whole {
		if err := k.refresh(ctx, now); err != nil {
			return err
		}
		k.fullLookAt, k.fullLookState = now, k.clock.State
		k.index.stamp()
		k.expire()
	} else {
		k.takeNotices(k.clock.Best)
	}
	k.lacking = false
	if rules := k.passed(space); len(rules) > 0 || whole {
		err = k.relieve(ctx, rules, whole, now)
		if after, fails := k.deps.Disk(k.deps.Dir); fails == nil {
			space = after
		}
	}
	k.resume(now)
	if !k.lacking {
		k.await(space)
	}
	return err
}

// readClock reads the clock and stores the reading in k.clock and in the index. A look computes all
// ages from that one reading.
func (k *Keeper) readClock() {
	k.clock = k.deps.Wall.Read()
	k.index.clock = k.clock
}

// expires reports whether an expired item may be deleted because of its age: the clock is believed,
// and either no mass expiry is held back (see hold) or the field cleared of the item is set. The caller
// has checked that the item has expired.
func (k *Keeper) expires(it *Item) bool {
	return k.clock.Believed() && (it.cleared || k.held == nil)
}

// prove gives the judge of the clock (Deps.Wall) the end times of two recordings as evidence: of the
// newest one, and of the newest one that ended before this process started. It then reads the clock
// again. If the judge's state has changed, prove assigns the dates of all files again: see dates.
func (k *Keeper) prove() {
	for _, upTo := range []int64{math.MaxInt64, k.deps.Wall.Began().UnixNano()} {
		if path, at := k.index.newest(upTo); path != "" {
			k.deps.Wall.Seen(path, at)
		}
	}
	was := k.clock.State
	if k.readClock(); k.clock.State != was {
		for _, it := range k.index.items {
			k.index.date(it)
		}
	}
}

// refresh scans the whole directory, and sets k.totals, k.held and k.queue from the result.
func (k *Keeper) refresh(ctx context.Context, now time.Time) error {
	if err := k.index.scan(ctx, k.clock.Best); err != nil {
		return err
	}
	k.totals, k.queue = total(k.index.list()), nil
	k.takeNotices(k.clock.Best)
	k.prove()
	k.held = k.hold()
	k.queue = k.policy.rank(k.index.list(), k.clock.Best, k.expires)
	k.scanned, k.took = now, max(k.deps.Clock.Now().Sub(now), 0)
	return nil
}

// id returns an item's ID for logs; empty for a file that does not describe a recording.
func (it *Item) id() string {
	if it.ID == (media.ID{}) {
		return ""
	}
	return it.ID.String()
}

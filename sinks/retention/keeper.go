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

// ErrKept is returned by Store.Remove for a file that must stay, because it is protected or
// being read.
var ErrKept = errors.New("the file must stay")

// Store deletes files and rows, in this order: after a crash in between the next
// reconciliation marks the row as lost, and the file never comes back.
type Store interface {
	// Remove deletes one file and the directories that it leaves empty. It returns
	// ErrKept if the file is protected or being read, and no error if it is gone already.
	Remove(ctx context.Context, it *Item) error
	// Forget deletes the rows of deleted files. It does not wait for the database.
	Forget(ctx context.Context, items []*Item) error
}

// Recordings stops and starts recordings for which there is no room.
type Recordings interface {
	// Recording returns the streams that are being recorded and can be stopped.
	Recording() []string
	// Stop ends the recordings of a stream because there is no room for them.
	Stop(ctx context.Context, stream string) error
	Start(stream string) error
}

// Deps are the dependencies of a keeper.
type Deps struct {
	Dir        string // the record directory, absolute
	Read       Reader
	Store      Store
	Recordings Recordings
	Disk       func(dir string) (filesystem.Capacity, error) // nil: Disk
	Writable   func() bool                                   // whether a file could be created now; must not block; may be nil
	Clock      pipeline.Clock
	Wall       *wallclock.Judge // judges whether the clock is believed; nil: the keeper creates one
	Log        *slog.Logger
}

// Keeper keeps a record directory within a policy. Its methods are safe for
// concurrent use.
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
	totals        totals // totals of the index's items; of open files, the reported lengths
	queue         []ranked
	scanned       time.Time
	took          time.Duration
	fullLookAt    time.Time         // time of the last full look
	fullLookState wallclock.State   // state of the clock at the last full look
	clock         wallclock.Reading // reading of the clock for the current look
	expiry        expiry
	held          *retained.Held // expired footage that is held, as of the last scan
	barren        bool           // the last scan found nothing to delete although room is needed
	lacking       bool           // the last look could not make the room that is needed
	fillRate      fillRate
	futileBytes   int64                // bytes deleted in a row that gave no room back
	restUntil     time.Time            // no deletion for room before this
	stopped       map[string]stoppedBy // streams that retention has stopped
	stoppedAt     time.Time            // when it last stopped a recording
	judgedBytes   int64                // size of the disk for which tooLarge was computed
	tooLarge      []pipeline.Problem   // limits that the disk cannot meet
	lastErr       string
}

// counts holds the counters for the metrics.
type counts struct {
	files, bytes atomic.Uint64
	stops        atomic.Uint64
	failures     atomic.Uint64
}

type stoppedBy struct {
	Since time.Time
	rule  rule
}

// New opens the record directory, which must exist.
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

// Close closes the directory. Run must have returned.
func (k *Keeper) Close() error { return k.index.root.Close() }

// lookEvery is the interval at which the disk is measured.
const lookEvery = time.Second

// Run enforces the policy until the context ends. It runs as a task of the pipeline framework.
func (k *Keeper) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		k.MakeRoom(ctx)
		pipeline.Sleep(ctx, k.deps.Clock, lookEvery, k.wake)
	}
	return nil
}

// Wake requests a look at once, for instance after a recorder found the disk full.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// MakeRoom makes room if there is too little, and scans the whole directory when that is due. It
// logs an error and reports it in the plan; the next look takes place anyway.
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

// readClock reads the clock for one look: all ages refer to it.
func (k *Keeper) readClock() {
	k.clock = k.deps.Wall.Read()
	k.index.clock = k.clock
}

// expires reports whether an item is deleted once it has expired.
func (k *Keeper) expires(it *Item) bool {
	return k.clock.Believed() && (it.cleared || k.held == nil)
}

// prove shows the judge of the clock the newest file, and the newest file from before this
// process started. If they contradict the clock, it reads the clock again.
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

// refresh scans the whole directory.
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

// id returns an item's ID for logs, empty for a file without an entry.
func (it *Item) id() string {
	if it.ID == (media.ID{}) {
		return ""
	}
	return it.ID.String()
}

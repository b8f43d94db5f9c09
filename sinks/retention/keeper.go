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

// ErrKept is what Store.Remove returns for a file that must stay: it is
// protected, or somebody reads it.
var ErrKept = errors.New("the file must stay")

// Store deletes files and rows, in this order: a crash in between leaves a row
// that the next reconciliation marks as lost, and never a file that comes back.
type Store interface {
	// Remove deletes one file, and the directories that it leaves empty, unless
	// somebody protects or reads it: ErrKept. That it is gone already is no error.
	Remove(ctx context.Context, it *Item) error
	// Forget takes the rows of deleted files away. It does not wait for the
	// database.
	Forget(ctx context.Context, items []*Item) error
}

// Recordings are started and stopped where no room can be made for them.
type Recordings interface {
	// Recording lists the streams that are being recorded and can be stopped.
	Recording() []string
	// Stop ends the recordings of a stream because there is no room for them.
	Stop(ctx context.Context, stream string) error
	Start(stream string) error
}

// Deps is what a keeper needs.
type Deps struct {
	Dir        string // the record directory, absolute
	Read       Reader
	Store      Store
	Recordings Recordings
	Disk       func(dir string) (filesystem.Capacity, error) // nil: Disk
	Writable   func() bool                                   // whether a recording could begin a file now; waits for nothing, and may be nil
	Clock      pipeline.Clock
	Wall       *wallclock.Judge // whether the clock is believed; nil: one of its own
	Log        *slog.Logger
}

// Keeper keeps a record directory within a policy. Its methods are safe for
// concurrent use.
type Keeper struct {
	policy  Policy
	deps    Deps
	wake    chan struct{}
	counts  counts
	shown   atomic.Pointer[map[string]time.Time] // see Stopped
	wrong   atomic.Pointer[string]               // see LastError
	problem atomic.Pointer[pipeline.Problem]     // see Problems
	ledger  *ledger

	mu      sync.Mutex // guards what follows
	index   *index
	totals  totals // of the index's items; of open files as far as was told
	queue   []ranked
	scanned time.Time
	took    time.Duration
	rounded time.Time         // of the last whole look
	judged  wallclock.State   // of then
	clock   wallclock.Reading // of this look
	expiry  expiry
	held    *retained.Held // what has expired and stays, as of the last scan
	barren  bool           // the last scan found nothing to delete, and something is needed
	lacking bool           // the last look could not make the room that is needed
	filling filling
	futile  int64                // bytes deleted in a row that gave no room back
	rest    time.Time            // no more is deleted for room before this
	stopped map[string]stoppedBy // streams that retention has stopped
	gaveUp  time.Time            // the last time that it stopped any
	lastErr string
}

// counts are for metrics.
type counts struct {
	files, bytes atomic.Uint64
	stops        atomic.Uint64
	failures     atomic.Uint64
}

type stoppedBy struct {
	Since time.Time
	rule  rule
}

// New opens the record directory, which must be there.
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

// Close lets go of the directory. Run must have ended.
func (k *Keeper) Close() error { return k.index.root.Close() }

// lookEvery is how often the disk is asked how full it is.
const lookEvery = time.Second

// Run keeps to the policy until the context ends. It is a task's.
func (k *Keeper) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		k.Look(ctx)
		pipeline.Sleep(ctx, k.deps.Clock, lookEvery, k.wake)
	}
	return nil
}

// Wake asks for a look at once: somebody found the disk full.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Look makes room if there is too little, and does the whole round when it is
// due. An error is logged and told in the plan; the next look comes anyway.
func (k *Keeper) Look(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.look(ctx)
	k.show()
	if err == nil {
		k.wrong.Store(nil)
		k.lastErr = ""
		return
	}
	if ctx.Err() != nil {
		return
	}
	k.counts.failures.Add(1)
	text := err.Error()
	k.wrong.Store(&text)
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
	k.filling.look(space, now)
	whole := now.Sub(k.rounded) >= k.policy.every(k.took) || k.judged != k.clock.State
	if whole {
		if err := k.refresh(ctx, now); err != nil {
			return err
		}
		k.rounded, k.judged = now, k.clock.State
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

// readClock reads the clock for one look: all ages are by it.
func (k *Keeper) readClock() {
	k.clock = k.deps.Wall.Read()
	k.index.clock = k.clock
}

// expires reports whether an item goes when it has expired.
func (k *Keeper) expires(it *Item) bool {
	return k.clock.Believed() && (it.cleared || k.held == nil)
}

// prove tells the clock of the newest file, and of the newest from before this
// process, and reads it anew if they speak against it.
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

// refresh looks at the whole directory.
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

// id returns an item's ID for logs, empty without an entry.
func (it *Item) id() string {
	if it.ID == (media.ID{}) {
		return ""
	}
	return it.ID.String()
}

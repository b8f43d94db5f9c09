package mp4

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/facts"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// ErrNoRoom says that a recording names as many events as it can.
var ErrNoRoom = errors.New("the recording names as many events as it can")

// SetProtected protects a recording from deletion, or no longer does, durably and
// beside its file, of which nothing changes: see package facts. The file may be growing.
// Where it is not the recording's nothing is done: see Belongs.
func SetProtected(name string, recording media.ID, protected bool) error {
	return change(name, recording, func(e *entry, f *facts.Facts) error {
		if f.Protected != nil || e.protected != protected {
			f.Protected = &protected
		}
		return nil
	})
}

// AddEvents joins events to those that a finished recording names, durably and beside
// its file, of which nothing changes: see package facts. Events that it names already
// cost nothing.
//
// The file must be that of the recording: see Belongs. ErrOwned: it is not finished yet,
// and its recorder names its events. ErrNoRoom: they are too many all together; nothing
// was added.
func AddEvents(name string, recording media.ID, events []media.Event) error {
	return change(name, recording, func(e *entry, f *facts.Facts) error {
		if e.outcome.state == media.StateRecording {
			return fmt.Errorf("%s: %w", name, disk.ErrOwned)
		}
		all := e.events
		for _, list := range [][]media.Event{f.Events, events} {
			for _, ev := range list {
				if all = media.JoinEvent(all, ev); !holds(all, ev.ID) {
					return fmt.Errorf("%s: %w", name, ErrNoRoom)
				}
			}
		}
		f.Events = nil
		for i, ev := range all {
			if i >= len(e.events) || !reflect.DeepEqual(ev, e.events[i]) {
				f.Events = append(f.Events, ev)
			}
		}
		return nil
	})
}

// Forget removes what is kept beside the file of a recording that was deleted from a
// record directory: facts and sample index.
func Forget(dir string, recording media.ID) error {
	return errors.Join(facts.In(dir).Remove(recording), sampleindex.In(dir).Remove(recording))
}

// indexesAtOnce is how many recordings with a sample index one call of ForgetOrphans asks
// about, or few more: every recording has one, and an orphan waits for a later call at the
// cost of its bytes.
const indexesAtOnce = 1000

// ForgetOrphans removes what is known of recordings that are not known any more, and
// tells of how many. It asks of each that is not known a second time in a call of alone,
// during which nothing else changes the recording: one that gets its row at this moment
// keeps what it has. It goes on with the next one after an error of known or alone.
func ForgetOrphans(dir string, known func(media.ID) (bool, error), alone func(media.ID, func() error) error) (removed int, err error) {
	ids, err := facts.In(dir).Recordings()
	indexed, unread := sampleindex.In(dir).Recordings(indexesAtOnce)
	err = errors.Join(err, unread)
	ids = append(ids, indexed...)
	slices.SortFunc(ids, func(a, b media.ID) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range slices.Compact(ids) {
		is, unsure := known(id)
		if unsure == nil && !is {
			unsure = alone(id, func() error {
				is, unsure := known(id)
				if unsure != nil || is {
					return unsure
				}
				if unsure = Forget(dir, id); unsure == nil {
					removed++
				}
				return unsure
			})
		}
		err = errors.Join(err, unsure)
	}
	return removed, err
}

// change lets the facts of a recording be changed, whose file it has made sure of.
func change(name string, recording media.ID, do func(*entry, *facts.Facts) error) error {
	name = disk.Absolute(name)
	dir, base := filepath.Split(name)
	fsys, err := disk.Open(dir)
	if err != nil {
		return err
	}
	defer fsys.Close()
	f, err := fsys.OpenRead(base)
	if err != nil {
		return err
	}
	defer f.Close()
	e, _, err := entryOf(f, base, recording)
	if err != nil {
		return err
	}
	store, err := factsOf(name)
	if err != nil {
		return err
	}
	return store.Change(recording, func(f *facts.Facts) error { return do(&e, f) })
}

func factsOf(name string) (facts.Store, error) { return facts.Of(name, disk.IdentityFile) }

// know gives a recording what is known of it beside its file. Facts that are damaged
// protect it.
func know(store facts.Store, r *media.Recording) error {
	f, err := store.Read(r.ID)
	f.Apply(r)
	return err
}

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

// ErrNoRoom reports that a recording cannot name another event: media.MaxEvents and
// media.MaxEventBytes limit the events that it names.
var ErrNoRoom = errors.New("the recording names as many events as it can")

// SetProtected sets or clears a recording's protection against deletion, durably. name is the
// path of the recording's file, which may be growing. SetProtected does not change the file, but
// writes beside it: see package facts. It returns the error of Belongs, and changes nothing, if
// the file does not belong to the recording.
func SetProtected(name string, recording media.ID, protected bool) error {
	return change(name, recording, func(e *entry, f *facts.Facts) error {
		if f.Protected != nil || e.protected != protected {
			f.Protected = &protected
		}
		return nil
	})
}

// AddEvents adds events to those that a finished recording names, durably. It does not change
// the file at path name, but writes beside it: see package facts. An event whose ID the
// recording names already replaces or extends that event (media.JoinEvent).
//
// AddEvents adds all events or none. It returns the error of Belongs if the file does not belong
// to the recording, disk.ErrOwned if the file is not finished, since the recorder adds the
// events of a growing file, and ErrNoRoom if the recording would name too many events.
func AddEvents(name string, recording media.ID, events []media.Event) error {
	return change(name, recording, func(e *entry, f *facts.Facts) error {
		if e.outcome.state == media.StateRecording {
			return fmt.Errorf("%s: %w", name, disk.ErrOwned)
		}
		all := e.events
		for _, list := range [][]media.Event{f.Events, events} {
			for _, ev := range list {
				if all = media.JoinEvent(all, ev); !names(all, ev.ID) {
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

// Forget removes the facts and the sample index of a recording from a record directory, after
// the recording's file was deleted there.
func Forget(dir string, recording media.ID) error {
	return errors.Join(facts.In(dir).Remove(recording), sampleindex.In(dir).Remove(recording))
}

// indexesAtOnce is the approximate number of sample indexes that one call of ForgetOrphans
// checks. Every recording has an index, so that checking all would take long; an orphan that a
// later call finds costs only its bytes until then.
const indexesAtOnce = 1000

// ForgetOrphans removes the facts and sample indexes of recordings without a row in the
// catalogue from a record directory, and returns the number of these recordings.
//
// known reports whether a recording has a row. alone calls the given function while nothing else
// changes the recording; in it ForgetOrphans calls known again, because the recording may have
// got its row meanwhile. ForgetOrphans continues after an error of one recording, and returns
// all errors joined.
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

// change calls do with the entry and the facts of a recording, and stores the facts that do
// changed. It returns the error of Belongs if the file at path name is not the recording's.
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

// applyFacts applies the facts in the store to a recording. If they cannot be read, it marks the
// recording as protected and returns the error.
func applyFacts(store facts.Store, r *media.Recording) error {
	f, err := store.Read(r.ID)
	f.Apply(r)
	return err
}

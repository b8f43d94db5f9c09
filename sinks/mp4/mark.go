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

// ErrNoRoom reports that a recording names the maximum number of events.
var ErrNoRoom = errors.New("the recording names as many events as it can")

// SetProtected sets or clears a recording's protection against deletion, durably. It writes
// beside the file and does not change the file: see package facts. The file may be growing. It
// changes nothing if the file does not belong to the recording: see Belongs.
func SetProtected(name string, recording media.ID, protected bool) error {
	return change(name, recording, func(e *entry, f *facts.Facts) error {
		if f.Protected != nil || e.protected != protected {
			f.Protected = &protected
		}
		return nil
	})
}

// AddEvents adds events to those that a finished recording names, durably. It writes beside the
// file and does not change the file: see package facts. Events that the recording names already
// take no room.
//
// The file must belong to the recording: see Belongs. It returns disk.ErrOwned if the file is
// not finished, since its recorder adds its events, and ErrNoRoom if the events are too many
// in total; it then added none.
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

// Forget removes the facts and the sample index of a recording whose file was deleted from a
// record directory.
func Forget(dir string, recording media.ID) error {
	return errors.Join(facts.In(dir).Remove(recording), sampleindex.In(dir).Remove(recording))
}

// indexesAtOnce limits, roughly, the recordings with a sample index that one call of
// ForgetOrphans checks: every recording has one, and an orphan that waits for a later call
// costs only its bytes.
const indexesAtOnce = 1000

// ForgetOrphans removes the facts and sample indexes of recordings that the catalogue does not
// know, and returns their number. It checks an unknown recording a second time within alone,
// during which nothing else changes the recording, so that one that gets its row meanwhile
// keeps its facts. After an error of known or alone it continues with the next recording.
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

// change calls do with the entry and the facts of a recording, after checking its file.
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

// applyFacts applies the facts stored beside a recording's file. Damaged facts protect it.
func applyFacts(store facts.Store, r *media.Recording) error {
	f, err := store.Read(r.ID)
	f.Apply(r)
	return err
}

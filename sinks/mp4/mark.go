package mp4

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// ErrNoRoom says that what a finished file keeps for later events is used up.
var ErrNoRoom = errors.New("the file's own list of events is full")

// AddEvents joins events to those that a finished file names, in place and with
// one write, and makes that durable. The media is not touched; a file that names
// them already is not written at all.
//
// The file must be that of the recording: see Belongs. ErrOwned: it is not finished yet, and
// its recorder names its events. ErrNoRoom: they do not fit all together; the file
// stays as it was. Calls for one file must not overlap.
//
// A power cut within the write may leave a part of the new list over the old one,
// which then counts as empty and costs the file the events that it named before,
// nothing else. So the catalogue must have the events first, and who gives all of
// a recording's events here, not the new one alone, mends such a list.
func AddEvents(name string, recording media.ID, events []media.Event) error {
	return change(name, func(f disk.File, name string) error { return addEvents(f, name, recording, events) })
}

func addEvents(f disk.File, name string, recording media.ID, events []media.Event) error {
	e, at, err := entryOf(f, name, recording)
	switch {
	case err != nil:
		return err
	case e.outcome.state == media.StateRecording:
		return fmt.Errorf("%s: %w", name, disk.ErrOwned)
	}
	before, err := json.Marshal(e.events)
	if err != nil {
		return fmt.Errorf("%s: events: %w", name, err)
	}
	for _, ev := range events {
		e.events = media.JoinEvent(e.events, ev)
		if !holds(e.events, ev.ID) {
			return fmt.Errorf("%s: %w", name, ErrNoRoom)
		}
	}
	list, err := json.Marshal(e.events)
	switch {
	case err != nil:
		return fmt.Errorf("%s: events: %w", name, err)
	case bytes.Equal(list, before):
		return nil
	case e.eventsAt == 0 || len(list) > e.room:
		return fmt.Errorf("%s: %w", name, ErrNoRoom)
	}
	at += int64(e.eventsAt) + eventsLength
	if _, err := f.WriteAt(encodedList(list), at); err != nil {
		return disk.NewError("event", name, at, err)
	}
	return nil
}

package metadata

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// addFootage sets Recordings, Total and GoneUTC of events, from the database and from the pending
// changes. pending holds the pending state of recordings, and alone the rows of Event changes that are
// pending or set aside.
func (c *Catalogue) addFootage(ctx context.Context, events []media.EventRecord, pending map[string]entry, alone []*row.Row) error {
	at := make(map[string]*eventFootage, len(events))
	ids := make([]string, len(events))
	for i := range events {
		ids[i] = events[i].ID.String()
		at[ids[i]] = &eventFootage{of: &events[i], node: c.opts.Node, known: map[string]media.EventRecording{}}
	}
	var rows []footageRow
	err := c.read(ctx, func(ctx context.Context, s *store) (err error) {
		rows, err = s.footage(ctx, ids)
		return err
	})
	if err != nil && !errors.Is(err, ErrUnavailable) {
		return err
	}
	for i := range rows {
		f := at[rows[i].Event]
		if f.of.GoneUTC = rows[i].GoneNS; rows[i].ID == "" { // gone_ns is newer here than in the event as read before
			continue
		}
		if err := f.add(&rows[i]); err != nil {
			return err
		}
	}
	for id, e := range pending {
		if err := c.pendingFootage(id, e, at); err != nil {
			return err
		}
	}
	for _, r := range alone {
		if err := c.footageAlone(ctx, r, pending, at); err != nil {
			return err
		}
	}
	for _, f := range at {
		f.settle()
	}
	return nil
}

// pendingFootage adds the recording id, whose state with all pending changes is e, to those events in
// at that the recording names. If the recording is deleted or lost, pendingFootage removes it from all
// events in at. The keys of at are IDs of events.
func (c *Catalogue) pendingFootage(id string, e entry, at map[string]*eventFootage) error {
	if e.gone() { // the row need not name all of its events
		for _, f := range at {
			f.remove(id, e.rev)
		}
		return nil
	}
	events, err := e.row.NamedEvents()
	if err != nil {
		return err
	}
	for i := range events {
		if f := at[events[i].ID.String()]; f != nil {
			if err := f.add(footageOf(e.row)); err != nil {
				return err
			}
		}
	}
	return nil
}

// footageAlone adds the recording that an Event change names to those events in at that the change
// stores; the keys of at are IDs of events. r is the row of the change. footageAlone does nothing if
// the recording has no row or is deleted or lost, and if its row cannot be read because the database
// does not answer.
func (c *Catalogue) footageAlone(ctx context.Context, r *row.Row, pending map[string]entry, at map[string]*eventFootage) error {
	pairs, _, err := pairsOf([]*row.Row{r})
	pairs = slices.DeleteFunc(pairs, func(p pair) bool { return at[p.Event] == nil })
	if err != nil || len(pairs) == 0 {
		return err
	}
	e, known := pending[r.ID]
	if !known {
		if e.row, _, err = c.lookup(ctx, r.ID); errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnavailable) {
			return nil
		} else if err != nil {
			return err
		}
	}
	if e.gone() {
		return nil
	}
	for _, p := range pairs {
		if err := at[p.Event].add(footageOf(e.row)); err != nil {
			return err
		}
	}
	return nil
}

// footageOf converts the row of a recording into a footageRow without an event.
func footageOf(r *row.Row) *footageRow {
	return &footageRow{
		ID: r.ID, Node: r.Node, Pipeline: r.Pipeline, Path: r.Path, State: r.State,
		StartNS: r.StartNS, EndNS: r.EndNS, SizeBytes: r.SizeBytes, Protected: r.Protected,
	}
}

// eventFootage gathers the recordings of one event.
type eventFootage struct {
	of     *media.EventRecord              // the event, whose fields settle sets
	node   string                          // name of this recorder
	known  map[string]media.EventRecording // recordings of the event, by ID
	goneNS int64                           // when the recording that was removed last was deleted or lost; 0: no recording was removed
}

// add adds a recording, or replaces it by its newer state.
func (f *eventFootage) add(r *footageRow) error {
	id, err := media.ParseID(r.ID)
	if err != nil {
		return err
	}
	if _, known := f.known[r.ID]; !known && r.Total == 0 {
		f.of.Total++
	}
	f.of.Total = max(f.of.Total, r.Total)
	f.known[r.ID] = media.EventRecording{
		ID: id, Node: r.Node, Elsewhere: r.Node != f.node, Pipeline: r.Pipeline, Path: r.Path, State: media.State(r.State),
		StartUTC: r.StartNS, EndUTC: r.EndNS, SizeBytes: r.SizeBytes, Protected: r.Protected != 0,
	}
	return nil
}

// remove removes a recording that is deleted or lost. rev is the revision of the change that deleted or
// lost it, and thus its time in nanoseconds since 1970 UTC. remove does nothing if f does not have the
// recording.
func (f *eventFootage) remove(id string, rev int64) {
	if _, known := f.known[id]; known {
		delete(f.known, id)
		f.of.Total--
		f.goneNS = max(f.goneNS, rev)
	}
}

// settle sets Recordings of the event to the oldest of the gathered recordings, at most
// maxEventRecordings. It sets GoneUTC of the event to 0 if there are recordings, and to goneNS if all
// were removed. If there was no recording, GoneUTC stays as read from the database.
func (f *eventFootage) settle() {
	f.of.Recordings = slices.SortedFunc(maps.Values(f.known), func(a, b media.EventRecording) int {
		return cmp.Or(cmp.Compare(a.StartUTC, b.StartUTC), cmp.Compare(a.ID.String(), b.ID.String()))
	})
	if len(f.of.Recordings) > maxEventRecordings {
		f.of.Recordings = f.of.Recordings[:maxEventRecordings]
	}
	switch {
	case len(f.known) > 0:
		f.of.GoneUTC = 0
	case f.goneNS > 0:
		f.of.GoneUTC = f.goneNS
	}
}
